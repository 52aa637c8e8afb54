package org.mirrordna.mirror

import android.content.Intent
import android.os.Build
import android.os.Bundle
import android.view.View
import android.view.WindowInsets
import androidx.activity.enableEdgeToEdge
import org.mirrordna.android.CaptureActivity
import org.mirrordna.android.ScanActivity

/** The window. Tauri's part of it is generated at every build. */
class MainActivity : TauriActivity() {
    override fun onCreate(savedInstanceState: Bundle?) {
        enableEdgeToEdge()
        super.onCreate(savedInstanceState)
        findViewById<View>(android.R.id.content).setOnApplyWindowInsetsListener(::keepClear)
    }

    /**
     * Bars, cut-outs and the keyboard stay clear of the page. Which of them a webview passes on to CSS differs by its version:
     * all are consumed here, so that CSS is told of none and nothing is kept clear twice.
     */
    private fun keepClear(content: View, insets: WindowInsets): WindowInsets {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.R) return content.onApplyWindowInsets(insets)
        val covered = WindowInsets.Type.systemBars() or WindowInsets.Type.displayCutout() or WindowInsets.Type.ime()
        insets.getInsets(covered).run { content.setPadding(left, top, right, bottom) }
        return WindowInsets.CONSUMED
    }

    /** Called by the command `scan` of src-tauri. What is found goes to the screen that joins. */
    fun scan() = startActivity(Intent(this, ScanActivity::class.java))

    /** Called by the command `start_recording` of src-tauri. */
    fun record() = startActivity(Intent(this, CaptureActivity::class.java))
}
