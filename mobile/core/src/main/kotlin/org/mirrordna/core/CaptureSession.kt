package org.mirrordna.core

import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext
import org.mirrordna.ffi.Capture
import org.mirrordna.ffi.Captured

/** Whether the text being written would survive the end of the process. */
sealed interface Draft {
    /** It would. */
    data object Kept : Draft

    /** Not all of it yet. */
    data object Writing : Draft

    /** It could not be kept; the next keystroke tries again. */
    data class Failed(val trouble: Trouble) : Draft
}

/**
 * One text being written. It is kept at most [PAUSE_MS] and one write after a keystroke, so that the process may die at any
 * moment. The draft lives in the node: whoever opens the home next finds it.
 */
class CaptureSession(private val home: Home, scope: CoroutineScope, private val disk: CoroutineContext) {
    private val typed = Channel<Unit>(Channel.CONFLATED)
    private val kept = MutableStateFlow<Draft>(Draft.Kept)
    private val writing = Mutex()

    /** What is not known to be kept; nothing after a capture. */
    @Volatile private var latest: String? = null

    /** To be shown beside the text. */
    val draft: StateFlow<Draft> = kept

    init {
        scope.launch {
            for (keystroke in typed) {
                delay(PAUSE_MS)
                keep()
            }
        }
    }

    /** The text that was being written when the last session ended, however it ended. */
    suspend fun restore(): String = withContext(disk) { home.mirror().draft() }

    /** The text as it is after a keystroke. Returns at once. */
    fun onText(text: String) {
        latest = text
        kept.value = Draft.Writing
        typed.trySend(Unit)
    }

    /** Keeps the text now: the screen is leaving. */
    suspend fun flush() = keep()

    /**
     * The draft becomes a note, in one step; durable when it returns. When it
     * fails, the error is thrown and the text is still to be kept: call [flush].
     */
    suspend fun done(text: String, tags: List<String> = emptyList()): Captured = writing.withLock {
        latest = null
        // Once it has begun it ends, though the screen goes away.
        withContext(disk + NonCancellable) {
            try {
                home.mirror().capture(Capture(text, tags, at = null, files = emptyList(), draft = true))
            } catch (refused: Exception) {
                latest = latest ?: text
                throw refused
            }
        }.also { if (latest == null) kept.value = Draft.Kept }
    }

    /** Ends it; what was typed last is still kept. */
    fun close() {
        typed.close()
    }

    private suspend fun keep() = writing.withLock {
        // What was typed before a capture is in it.
        val text = latest ?: return@withLock
        try {
            withContext(disk) { home.mirror().saveDraft(text) }
            if (latest == text) {
                latest = null
                kept.value = Draft.Kept
            }
        } catch (stopped: CancellationException) {
            throw stopped
        } catch (error: Exception) {
            kept.value = Draft.Failed(troubleOf(error))
        }
    }

    private companion object {
        const val PAUSE_MS = 250L
    }
}
