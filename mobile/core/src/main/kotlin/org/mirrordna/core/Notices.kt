package org.mirrordna.core

import org.mirrordna.ffi.Capture
import org.mirrordna.ffi.Captured
import org.mirrordna.ffi.PeerReport
import org.mirrordna.ffi.Status
import org.mirrordna.ffi.SyncState

/** What the person is told outside the app. */
sealed interface Notice {
    /** A reply became a note; the field is empty again. */
    data class Saved(val note: Captured) : Notice

    /** A reply did not; its text is given back so that it can be sent again. */
    data class NotSaved(val text: String, val trouble: Trouble) : Notice

    /** Notes came from other devices. */
    data class Arrived(val notes: Int, val from: List<String>) : Notice

    /** Notes wait for a decision. */
    data class Conflicts(val count: Int) : Notice
}

/** Where notices are shown. */
fun interface Notifier {
    fun show(notice: Notice)
}

/** Capture from the notification's text field. */
class InlineReply(private val home: Home, private val notifier: Notifier) {
    /** Takes a reply; the notice follows when it is durable, or when it is not. */
    fun onReply(text: String) {
        if (text.isBlank()) return
        val notice = try {
            Notice.Saved(home.mirror().capture(Capture(text, emptyList(), at = null, files = emptyList(), draft = false)))
        } catch (error: Exception) {
            Notice.NotSaved(text, troubleOf(error))
        }
        notifier.show(notice)
    }
}

/** What the widget shows: the state by name, and numbers of what waits. */
data class Widget(val state: SyncState, val conflicts: Int, val unreconciled: Int, val lastReconcile: String?) {
    companion object {
        fun of(status: Status): Widget =
            Widget(status.state, status.conflicts.toInt(), status.unreconciled.toInt(), status.lastReconcile)
    }
}

/** What a reconcile is worth telling: nothing, when it brought nothing. */
internal fun noticesOf(peers: List<PeerReport>, newNotes: Int, conflictsBefore: Int, conflicts: Int): List<Notice> = buildList {
    val from = peers.filter { it.received > 0u }.map { it.name }.distinct()
    if (newNotes > 0) add(Notice.Arrived(newNotes, from))
    if (conflicts > conflictsBefore) add(Notice.Conflicts(conflicts))
}
