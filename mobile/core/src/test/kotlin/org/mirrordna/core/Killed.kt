package org.mirrordna.core

import java.io.File
import java.time.OffsetDateTime
import kotlin.math.PI
import kotlin.math.sin
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking

/** What JVMs that are killed do until then. Each says on its output what is durable. */
object Killed {
    private const val RATE = 16_000

    @JvmStatic
    fun main(args: Array<String>) {
        val folder = File(args[1])
        when (args[0]) {
            "type" -> type(folder)
            "capture" -> capture(folder)
            "record" -> record(folder, forMs = null)
            "record-and-capture" -> record(folder, forMs = 300)
            "wake" -> wake(folder)
        }
    }

    /** Types a long text, letter by letter, and says what was kept. */
    private fun type(home: File) = runBlocking<Unit> {
        val session = CaptureSession(Home(home), this, Dispatchers.IO)
        var text = session.restore()
        while (true) {
            text += ('a' + text.length % 26)
            session.onText(text)
            println("typed ${text.length}")
            delay(5)
            if (text.length % 20 == 0) {
                session.draft.first { it is Draft.Kept }
                println("kept ${text.length}")
            }
        }
    }

    /** Makes notes of drafts, and says which are notes. */
    private fun capture(home: File) = runBlocking<Unit> {
        val session = CaptureSession(Home(home), this, Dispatchers.IO)
        var number = 0
        while (true) {
            val text = "thought ${number++}"
            session.onText(text)
            session.flush()
            println("draft $text")
            session.done(text)
            println("note $text")
        }
    }

    /** Records a tone, and says how much of it is in the file. */
    private fun record(folder: File, forMs: Long?) {
        val recorder = VoiceRecorder(Tone(RATE), Granted, Recordings(Home(File(folder, "Pixel")), File(folder, "voice")), OffsetDateTime::now) {}
        while (true) {
            recorder.onEvent(VoiceEvent.START)
            while (forMs == null || recorder.durationMs < forMs) {
                println("recorded ${recorder.durationMs}")
                Thread.sleep(3)
            }
            recorder.onEvent(VoiceEvent.STOP)
            println("note")
        }
    }

    /** Wakes up again and again for a mesh that does not answer. */
    private fun wake(folder: File) = runBlocking<Unit> {
        val clock = SetClock()
        val reconcile = BackgroundReconcile(Home(File(folder, "Pixel")), { wellFed }, Shown(), clock, File(folder, "attempts"))
        while (true) {
            println(reconcile.wake(Cause.PERIODIC).javaClass.simpleName)
            clock.at = clock.at.plusDays(1)
        }
    }
}

/** The person said yes long ago. */
object Granted : MicrophonePermission {
    override val granted = true

    override fun ask() = error("it is granted")
}

/** A phone on a charger, at home. */
val wellFed = Means(connected = true, metered = false, charging = true, batteryPercent = 90, saving = false)

/** A microphone that hears a tone, or nothing, ten times as fast as time goes. */
class Tone(override val rate: Int = 16_000) : Microphone {
    /** Set, it is withheld: the samples are zero. */
    @Volatile var withheld = false

    /** Set, it gives up. */
    @Volatile var broken: Exception? = null
    @Volatile private var open = false
    private var at = 0L

    override fun open() {
        broken?.let { throw it }
        open = true
    }

    override fun read(into: ShortArray): Int {
        Thread.sleep(into.size * 100L / rate)
        broken?.let { throw it }
        if (!open) return -1
        for (place in into.indices) {
            into[place] = if (withheld) 0 else (sin(at++ * 440 * 2 * PI / rate) * 8000 + 1).toInt().toShort()
        }
        return into.size
    }

    override fun close() {
        open = false
    }
}
