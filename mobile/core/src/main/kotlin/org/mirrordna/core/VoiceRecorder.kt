package org.mirrordna.core

import java.io.File
import java.time.OffsetDateTime
import kotlin.concurrent.thread
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import org.mirrordna.ffi.Captured

/** The phone's microphone: one channel of 16-bit samples. */
interface Microphone {
    /** Samples a second. */
    val rate: Int

    /** Begins to listen. */
    fun open()

    /** Waits for samples and gives their number; fails when the microphone gave up. */
    fun read(into: ShortArray): Int

    /** Stops listening; ends a [read] that waits. */
    fun close()
}

/** The world's clock. */
fun interface Clock {
    fun now(): OffsetDateTime
}

/** Asks the person for the microphone, and says whether it may be used already. */
interface MicrophonePermission {
    val granted: Boolean

    fun ask()
}

/** How a recording ended. */
sealed interface VoiceEnd {
    /** It is a note. [cut] says why it ended early, if it did. */
    data class Kept(val note: Captured, val durationMs: Long, val cut: Trouble?) : VoiceEnd

    /** Nothing but zeros came, so nothing was said: the microphone was withheld. */
    data class AllZero(val durationMs: Long) : VoiceEnd

    /** It lies on disk and is not a note yet; the next start tries again. */
    data class NotYet(val trouble: Trouble) : VoiceEnd
}

/**
 * Records voice into a file that is whole at any moment, and hands it to the node when it ends. Every method may be called from
 * any thread and none waits for sound; [onEvent] with STOP waits until the note is durable.
 */
class VoiceRecorder(
    private val microphone: Microphone,
    private val permission: MicrophonePermission,
    private val recordings: Recordings,
    private val clock: Clock,
    private val ended: (VoiceEnd) -> Unit,
) {
    private val voice = MutableStateFlow<Voice>(Voice.Idle)
    private val sound = MutableStateFlow(Level(0f, 0f, mute = false))
    private var take: Take? = null

    /** How it stands. */
    val state: StateFlow<Voice> = voice

    /** For the meter; `mute` is to be said in words. */
    val level: StateFlow<Level> = sound

    /** The time recorded so far. */
    val durationMs: Long get() = take?.wav?.durationMs ?: 0

    /** Tells it what happens. */
    @Synchronized
    fun onEvent(event: VoiceEvent): Voice {
        val (next, what) = voice.value.on(event, permission.granted)
        voice.value = next
        try {
            when (what) {
                VoiceDo.ASK -> permission.ask()
                VoiceDo.OPEN -> begin()
                VoiceDo.HOLD -> take?.hold()
                VoiceDo.CONTINUE -> take?.listen()
                VoiceDo.FINISH -> finish(cut = null)
                VoiceDo.NOTHING -> Unit
            }
        } catch (error: Exception) {
            voice.value = Voice.Idle
            if (take == null) ended(VoiceEnd.NotYet(troubleOf(error))) else finish(cut = troubleOf(error))
        }
        return voice.value
    }

    private fun begin() {
        val file = recordings.newFile(clock.now())
        val begun = Take(file, WavWriter(file, microphone.rate), SoundLevel(microphone.rate))
        try {
            begun.listen()
        } catch (error: Exception) {
            begun.wav.close()
            recordings.drop(file)
            recordings.release(file)
            throw error
        }
        take = begun
    }

    private fun finish(cut: Trouble?) {
        val done = take ?: return
        take = null
        done.hold()
        sound.value = Level(0f, 0f, mute = false)
        val durationMs = done.wav.durationMs
        val end = try {
            done.wav.close()
            if (done.meter.neverHeard) {
                recordings.drop(done.file)
                if (durationMs > 0 || cut == null) VoiceEnd.AllZero(durationMs) else VoiceEnd.NotYet(cut)
            } else {
                VoiceEnd.Kept(recordings.capture(done.file), durationMs, cut)
            }
        } catch (error: Exception) {
            VoiceEnd.NotYet(troubleOf(error))
        } finally {
            recordings.release(done.file)
        }
        ended(end)
    }

    /** One file being recorded; between [listen] and [hold] a thread of its own writes it. */
    private inner class Take(val file: File, val wav: WavWriter, val meter: SoundLevel) {
        private var listening: Thread? = null
        @Volatile private var go = false

        fun listen() {
            microphone.open()
            go = true
            listening = thread(name = "microphone") { write() }
        }

        fun hold() {
            val writer = listening ?: return
            go = false
            microphone.close()
            if (writer != Thread.currentThread()) writer.join()
            listening = null
            wav.sync()
        }

        private fun write() {
            val samples = ShortArray(microphone.rate / BLOCKS_A_SECOND)
            try {
                while (go) {
                    val count = microphone.read(samples)
                    if (count <= 0) continue
                    wav.write(samples, count)
                    sound.value = meter.take(samples, count)
                }
            } catch (error: Exception) {
                // While it is held back, a closed microphone is no fault.
                if (go) thread { broke(this, error) }
            }
        }
    }

    @Synchronized
    private fun broke(which: Take, error: Exception) {
        if (take !== which) return
        voice.value = voice.value.on(VoiceEvent.BROKEN).first
        finish(cut = troubleOf(error))
    }

    private companion object {
        const val BLOCKS_A_SECOND = 20
    }
}
