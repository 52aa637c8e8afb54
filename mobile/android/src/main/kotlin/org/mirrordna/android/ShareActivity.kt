package org.mirrordna.android

import android.app.Activity
import android.content.ContentResolver
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.provider.OpenableColumns
import android.widget.Toast
import java.io.IOException
import java.io.InputStream
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import org.mirrordna.core.Shared
import org.mirrordna.core.SharedItem
import org.mirrordna.core.troubleOf

/** The share target: takes it in, says what came of it, and is gone. */
class ShareActivity : Activity() {
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        // The permission to read what is shared ends with this activity: it stays until all is copied.
        val rim = Rim.of(this)
        rim.scope.launch {
            val said = try {
                val taken = rim.shareIntake.take(sharedIn(intent))
                if (taken.captured.isNotEmpty()) ReconcileJob.afterCapture(this@ShareActivity)
                if (taken.notTaken.isEmpty()) getString(R.string.share_saved)
                else getString(R.string.share_partly, taken.notTaken.joinToString("; ") { "${it.name}: ${it.trouble.what}" })
            } catch (error: Exception) {
                getString(R.string.share_partly, troubleOf(error).what)
            }
            withContext(MainThread) {
                Toast.makeText(this@ShareActivity, said, Toast.LENGTH_LONG).show()
                finish()
            }
        }
    }

    private fun sharedIn(intent: Intent): Shared {
        val clip = intent.clipData
        val streams = if (clip != null) {
            (0..<clip.itemCount).mapNotNull { clip.getItemAt(it).uri }
        } else {
            listOfNotNull(intent.data)
        }
        val text = intent.getCharSequenceExtra(Intent.EXTRA_TEXT)?.toString()
        return Shared(text, intent.getStringExtra(Intent.EXTRA_SUBJECT), streams.map { Streamed(contentResolver, it) })
    }

    /** Something behind another app's provider. */
    private class Streamed(private val resolver: ContentResolver, private val uri: Uri) : SharedItem {
        override val media: String? = resolver.getType(uri)

        override val name: String? = resolver.query(uri, arrayOf(OpenableColumns.DISPLAY_NAME), null, null, null)?.use { row ->
            if (row.moveToFirst()) row.getString(0) else null
        }

        override fun open(): InputStream {
            // A file of our own, handed back to us by another app, would leak the home into a note.
            if (uri.scheme != ContentResolver.SCHEME_CONTENT) throw IOException("only content that another app provides is taken")
            return resolver.openInputStream(uri) ?: throw IOException("the other app gives no content")
        }
    }
}
