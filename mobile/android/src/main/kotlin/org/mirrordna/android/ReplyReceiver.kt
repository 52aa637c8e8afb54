package org.mirrordna.android

import android.app.RemoteInput
import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import kotlinx.coroutines.launch
import org.mirrordna.core.InlineReply

/** Takes what was written into the notification. */
class ReplyReceiver : BroadcastReceiver() {
    override fun onReceive(context: Context, intent: Intent) {
        val text = RemoteInput.getResultsFromIntent(intent)?.getCharSequence(TEXT)?.toString() ?: return
        val rim = Rim.of(context)
        // The process stays until it is durable.
        val pending = goAsync()
        rim.scope.launch {
            try {
                InlineReply(rim.home, rim.notices).onReply(text)
            } finally {
                pending.finish()
            }
        }
    }

    companion object {
        const val TEXT = "text"
    }
}
