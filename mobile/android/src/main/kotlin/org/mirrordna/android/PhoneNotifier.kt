package org.mirrordna.android

import android.app.Notification
import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.PendingIntent
import android.app.RemoteInput
import android.content.Context
import android.content.Intent
import android.graphics.drawable.Icon
import org.mirrordna.core.Notice
import org.mirrordna.core.Notifier

/** Notices as Android's notifications. Where the person allows none, the system drops them. */
class PhoneNotifier(private val context: Context) : Notifier {
    private val system = context.getSystemService(NotificationManager::class.java)

    init {
        for ((id, name, importance) in CHANNELS) {
            system.createNotificationChannel(NotificationChannel(id, context.getString(name), importance))
        }
    }

    override fun show(notice: Notice) {
        when (notice) {
            is Notice.Saved -> offerReply(context.getString(R.string.saved))
            is Notice.NotSaved -> offerReply(context.getString(R.string.reply_not_saved, notice.trouble.what), notice.text)
            is Notice.Arrived -> {
                val from = notice.from.joinToString()
                tell(NEWS, context.resources.getQuantityString(R.plurals.arrived, notice.notes, notice.notes, from))
            }
            is Notice.Conflicts ->
                tell(DECIDE, context.resources.getQuantityString(R.plurals.conflicts, notice.count, notice.count))
        }
    }

    /** The notification with a text field. [about] is what came of the last reply; a text that was not saved is shown in full. */
    fun offerReply(about: String? = null, unsaved: String? = null) {
        val field = RemoteInput.Builder(ReplyReceiver.TEXT).setLabel(context.getString(R.string.text_hint)).build()
        val to = Intent(context, ReplyReceiver::class.java)
        // The system writes the reply into it.
        val pending = PendingIntent.getBroadcast(context, 0, to, PendingIntent.FLAG_UPDATE_CURRENT or PendingIntent.FLAG_MUTABLE)
        val icon = Icon.createWithResource(context, R.drawable.mirror)
        val reply = Notification.Action.Builder(icon, context.getString(R.string.reply_action), pending).addRemoteInput(field)
        val shown = builder(CAPTURE, context.getString(R.string.reply_title)).addAction(reply.build()).setOnlyAlertOnce(true)
        about?.let { shown.setContentText(it) }
        unsaved?.let { shown.setStyle(Notification.BigTextStyle().bigText("$about\n$it")) }
        system.notify(REPLY_ID, shown.build())
    }

    /** What a recording in the foreground shows. */
    fun recording(text: String): Notification {
        val open = Intent(context, CaptureActivity::class.java)
        val pending = PendingIntent.getActivity(context, 0, open, PendingIntent.FLAG_IMMUTABLE)
        return builder(VOICE, text).setContentIntent(pending).setOngoing(true).setOnlyAlertOnce(true).build()
    }

    /** Shows that. */
    fun show(id: Int, notification: Notification) = system.notify(id, notification)

    private fun tell(id: Int, text: String) = system.notify(id, builder(NEWS_CHANNEL, text).setAutoCancel(true).build())

    private fun builder(channel: String, title: String) =
        Notification.Builder(context, channel).setSmallIcon(R.drawable.mirror).setContentTitle(title)

    companion object {
        private const val CAPTURE = "capture"
        private const val VOICE = "voice"
        private const val NEWS_CHANNEL = "news"
        private const val REPLY_ID = 1
        private const val NEWS = 2
        private const val DECIDE = 3
        const val VOICE_ID = 4
        private val CHANNELS = listOf(
            Triple(CAPTURE, R.string.channel_capture, NotificationManager.IMPORTANCE_LOW),
            Triple(VOICE, R.string.channel_voice, NotificationManager.IMPORTANCE_LOW),
            Triple(NEWS_CHANNEL, R.string.channel_news, NotificationManager.IMPORTANCE_DEFAULT),
        )
    }
}
