package org.mirrordna.android

import android.app.PendingIntent
import android.appwidget.AppWidgetManager
import android.appwidget.AppWidgetProvider
import android.content.Context
import android.content.Intent
import android.widget.RemoteViews
import kotlinx.coroutines.launch
import org.mirrordna.core.Widget
import org.mirrordna.ffi.SyncState

/** The widget on the home screen: the state in words, a tap to write, a tap to speak. */
class CaptureWidget : AppWidgetProvider() {
    override fun onUpdate(context: Context, manager: AppWidgetManager, ids: IntArray) {
        val pending = goAsync()
        val rim = Rim.of(context)
        rim.scope.launch {
            try {
                val state = runCatching { words(context, Widget.of(rim.home.mirror().status())) }
                manager.updateAppWidget(ids, views(context, state.getOrElse { context.getString(R.string.not_paired) }))
            } finally {
                pending.finish()
            }
        }
    }

    private fun views(context: Context, state: String): RemoteViews {
        val views = RemoteViews(context.packageName, R.layout.widget)
        views.setTextViewText(R.id.widget_state, state)
        views.setOnClickPendingIntent(R.id.widget_state, open(context, CaptureActivity.CAPTURE))
        views.setOnClickPendingIntent(R.id.widget_voice, open(context, CaptureActivity.VOICE))
        return views
    }

    private fun open(context: Context, action: String): PendingIntent {
        val open = Intent(context, CaptureActivity::class.java).setAction(action)
        return PendingIntent.getActivity(context, 0, open, PendingIntent.FLAG_IMMUTABLE)
    }

    private fun words(context: Context, widget: Widget): String = when (widget.state) {
        SyncState.SYNCED -> context.getString(R.string.state_synced)
        SyncState.BEHIND -> context.getString(R.string.state_behind)
        SyncState.AHEAD -> context.getString(R.string.state_ahead, widget.unreconciled)
        SyncState.CONFLICT -> context.getString(R.string.state_conflict, widget.conflicts)
        SyncState.STALE -> context.getString(R.string.state_stale)
        SyncState.OFFLINE -> context.getString(R.string.state_offline)
        SyncState.UNKNOWN -> context.getString(R.string.state_unknown)
        SyncState.REVOKED -> context.getString(R.string.state_revoked)
        SyncState.FORKED -> context.getString(R.string.state_forked)
    }
}
