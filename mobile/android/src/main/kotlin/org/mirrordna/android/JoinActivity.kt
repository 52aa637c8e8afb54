package org.mirrordna.android

import android.Manifest
import android.app.Activity
import android.os.Build
import android.os.Bundle
import android.widget.Button
import android.widget.TextView
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import org.mirrordna.core.Cause
import org.mirrordna.core.PairingLink
import org.mirrordna.core.troubleOf

/** A pairing link was opened: shows the digits to be compared, and joins when the person says so. */
class JoinActivity : Activity() {
    private val scope = CoroutineScope(SupervisorJob() + MainThread)

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.join)
        val told = findViewById<TextView>(R.id.told)
        val join = findViewById<Button>(R.id.join)
        val link = try {
            PairingLink.read(intent.dataString.orEmpty())
        } catch (error: Exception) {
            told.text = troubleOf(error).run { "$what $wayOut" }
            join.isEnabled = false
            return
        }
        findViewById<TextView>(R.id.digits).text = link.facts.digits.chunked(3).joinToString(" ")
        told.setText(R.string.join_compare)
        join.setOnClickListener {
            join.isEnabled = false
            told.setText(R.string.joining)
            scope.launch { join(link, told, join) }
        }
    }

    private suspend fun join(link: PairingLink, told: TextView, join: Button) {
        val rim = Rim.of(this)
        try {
            // Once the other side has said yes, it has to be laid down here, though the screen goes away.
            withContext(Dispatchers.IO + NonCancellable) { rim.home.join(link.ticket, Build.MODEL) }
            told.setText(R.string.joined)
            if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) {
                requestPermissions(arrayOf(Manifest.permission.POST_NOTIFICATIONS), ASKED)
            }
            ReconcileJob.schedule(this)
            rim.scope.launch { rim.reconcile.wake(Cause.OPENED) }
        } catch (error: Exception) {
            told.text = troubleOf(error).run { "$what $wayOut" }
            join.isEnabled = true
        }
    }

    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    private companion object {
        const val ASKED = 1
    }
}
