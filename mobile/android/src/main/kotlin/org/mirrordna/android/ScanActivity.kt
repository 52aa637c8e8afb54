package org.mirrordna.android

import android.Manifest
import android.app.Activity
import android.content.Intent
import android.content.pm.PackageManager
import android.net.Uri
import android.os.Bundle
import android.view.SurfaceHolder
import android.view.SurfaceView
import android.widget.TextView
import org.mirrordna.core.PairingLink
import org.mirrordna.core.Scan
import org.mirrordna.core.Sight

/** The camera, until it sees a ticket; then the screen that joins has it. Pictures are looked at and forgotten. */
class ScanActivity : Activity(), SurfaceHolder.Callback {
    private val scan = Scan()
    private lateinit var told: TextView
    private lateinit var preview: SurfaceView
    private var camera: ScanCamera? = null
    private var found = false

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.scan)
        told = findViewById(R.id.told)
        preview = findViewById(R.id.preview)
        if (checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED) {
            show()
        } else {
            requestPermissions(arrayOf(Manifest.permission.CAMERA), ASKED)
        }
    }

    override fun onRequestPermissionsResult(request: Int, permissions: Array<String>, results: IntArray) {
        if (results.firstOrNull() == PackageManager.PERMISSION_GRANTED) show() else told.setText(R.string.camera_denied)
    }

    private fun show() {
        val made = ScanCamera(this, scan::look, { runOnUiThread { onSight(it) } }, { runOnUiThread { told.text = it } })
        val (width, height) = made.size ?: return told.setText(R.string.camera_none)
        camera = made
        preview.holder.addCallback(this)
        preview.holder.setFixedSize(width, height)
        // Upright, a camera's picture is as high as it is wide for the sensor.
        preview.post {
            preview.layoutParams.height = preview.width * width / height
            preview.requestLayout()
        }
    }

    private fun onSight(sight: Sight) {
        when (sight) {
            Sight.Nothing -> Unit
            is Sight.Foreign -> told.text = sight.trouble.what
            is Sight.Ticket -> {
                if (found) return
                found = true
                val link = Uri.parse(PairingLink.of(sight.link.ticket))
                startActivity(Intent(Intent.ACTION_VIEW, link, this, JoinActivity::class.java))
                finish()
            }
        }
    }

    override fun surfaceCreated(holder: SurfaceHolder) = Unit

    /** Comes once the surface has the camera's size, and whenever the screen comes back. */
    override fun surfaceChanged(holder: SurfaceHolder, format: Int, width: Int, height: Int) {
        camera?.run { if (size == width to height) open(holder.surface) }
    }

    override fun surfaceDestroyed(holder: SurfaceHolder) {
        camera?.close()
    }

    private companion object {
        const val ASKED = 1
    }
}
