package org.mirrordna.core

import java.io.File
import java.io.IOException
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import kotlinx.coroutines.CancellationException
import org.mirrordna.ffi.BlobState
import org.mirrordna.ffi.Mirror

/** Transcripts on the phone. The recogniser and its store are stand-ins; recordings, notes and the node are real. */
class TranscriberTest {
    private class Ears : Recogniser {
        override val model = "stand-in/1"
        var known = setOf("en-US", "hi-IN")
        var says: (File) -> List<Heard> = { listOf(Heard("call amma"), Heard(" "), Heard("buy rice")) }
        val asked = CopyOnWriteArrayList<kotlin.Pair<File, String>>()

        override suspend fun languages() = known

        override suspend fun hear(wav: File, language: String): List<Heard> {
            asked += wav to language
            return says(wav)
        }
    }

    private class Kept : Transcripts {
        val all = CopyOnWriteArrayList<Transcript>()
        var fails = false

        override fun has(mirror: Mirror, note: String, audio: String) = all.any { it.audio == audio }

        override fun keep(mirror: Mirror, transcript: Transcript) {
            if (fails) throw IOException("the disk is full")
            all += transcript
        }
    }

    private class Desk(folder: File, val pixel: Mirror) {
        val home = folder.home("Pixel")
        val recordings = Recordings(home, File(folder, "voice"))
        val ears = Ears()
        val kept = Kept()
        var means = Means(connected = false, metered = false, charging = false, batteryPercent = 80, saving = false)
        var wanted = listOf("en-GB", "hi-IN")

        /** As a process that has just begun has it. */
        fun transcriber() = Transcriber(home, ears, kept, { means }, { wanted })

        /** A recording that became a note. */
        fun recorded(ms: Int = 500): String {
            val file = recordings.newFile(SetClock().now())
            val samples = ShortArray(16 * ms) { (it % 100 * 300).toShort() }
            WavWriter(file, 16_000).use { it.write(samples, samples.size) }
            recordings.release(file)
            return recordings.capture(file).note
        }
    }

    private fun atDesk(test: suspend (Desk) -> Unit) = inFolder { folder -> test(Desk(folder, folder.device("Pixel"))) }

    @Test
    fun `a recording is heard once it is a note, and stays what it was`() = atDesk { desk ->
        val note = desk.pixel.note(desk.recorded())
        val sound = note.attachments.single()
        val before = File(desk.pixel.attachmentPath(sound.blob)).readBytes()
        // What is heard is the durable content itself: there is no other copy any more.
        desk.ears.says = { wav ->
            assertEquals(BlobState.PRESENT, desk.pixel.note(note.note).attachments.single().state)
            assertContentEquals(before, wav.readBytes())
            listOf(Heard("call amma"), Heard(" "), Heard("buy rice"))
        }
        assertEquals(1, desk.transcriber().catchUp())
        val heard = listOf(Heard("call amma"), Heard("buy rice"))
        assertEquals(Transcript(note.note, sound.blob, heard, "en-US", "stand-in/1"), desk.kept.all.single())
        val after = desk.pixel.note(note.note)
        assertEquals(note.text to note.attachments, after.text to after.attachments)
        assertContentEquals(before, File(desk.pixel.attachmentPath(sound.blob)).readBytes())
    }

    @Test
    fun `what has a transcript already, from whatever engine, is not heard again`() = atDesk { desk ->
        val note = desk.recorded()
        val audio = desk.pixel.note(note).attachments.single().blob
        desk.kept.all += Transcript(note, audio, listOf(Heard("call amma")), "en", "whisper")
        assertEquals(0, desk.transcriber().catchUp())
        assertTrue(desk.ears.asked.isEmpty())
    }

    @Test
    fun `notes of other kinds are left alone`() = atDesk { desk ->
        desk.pixel.write("voice is only a word here", "voice")
        val song = File(desk.home.run { desk.pixel.status().identity!!.home }, "song.wav").apply { writeText("RIFF, but none of ours") }
        desk.pixel.noteWith("", song)
        assertEquals(0, desk.transcriber().catchUp())
        assertTrue(desk.ears.asked.isEmpty())
    }

    @Test
    fun `what fails, is cut off, or can't be kept, waits for the next start`() = atDesk { desk ->
        desk.recorded()
        val first = desk.transcriber()
        desk.ears.says = { throw IOException("the recogniser gave up (11)") }
        assertEquals(0, first.catchUp())
        assertEquals(0, first.catchUp())
        assertEquals(1, desk.ears.asked.size, "not in a circle")

        desk.ears.says = { throw CancellationException("the process ends") }
        assertFailsWith<CancellationException> { desk.transcriber().catchUp() }
        desk.ears.says = { listOf(Heard("call amma")) }
        desk.kept.fails = true
        assertEquals(0, desk.transcriber().catchUp())
        desk.kept.fails = false
        assertEquals(1, desk.transcriber().catchUp())
        assertEquals("call amma", desk.kept.all.single().heard.single().text)
    }

    @Test
    fun `silence gives no transcript`() = atDesk { desk ->
        desk.recorded()
        desk.ears.says = { emptyList() }
        assertEquals(0, desk.transcriber().catchUp())
        assertTrue(desk.kept.all.isEmpty())
    }

    @Test
    fun `a phone without a recogniser does not even look`() = atDesk { desk ->
        desk.recorded()
        desk.ears.known = emptySet()
        assertEquals(0, desk.transcriber().catchUp())
    }

    @Test
    fun `it is decided by language, length and power`() {
        val spared = Means(connected = false, metered = false, charging = false, batteryPercent = 80, saving = false)
        fun chosen(ms: Long = 1000, wanted: List<String> = listOf("en-GB"), known: Set<String> = setOf("en-US", "hi-IN"), means: Means = spared) =
            choose(ms, wanted, known, means)

        assertEquals(Choice.Hear("en-US"), chosen())
        assertEquals(Choice.Hear("en-GB"), chosen(known = setOf("en-US", "en-GB")))
        assertEquals(Choice.Hear("hi-IN"), chosen(wanted = listOf("ta-IN", "hi-in", "en-GB")))
        assertEquals(Choice.Leave(Silent.NO_LANGUAGE), chosen(wanted = listOf("ta-IN")))
        assertEquals(Choice.Leave(Silent.NO_RECOGNISER), chosen(known = emptySet()))
        assertEquals(Choice.Leave(Silent.TOO_LONG), chosen(ms = 11 * 60_000))
        assertEquals(Choice.Hear("en-US"), chosen(ms = 11 * 60_000, means = spared.copy(charging = true)))
        assertEquals(Choice.Leave(Silent.SAVING_POWER), chosen(means = spared.copy(saving = true)))
        assertEquals(Choice.Hear("en-US"), chosen(means = spared.copy(saving = true, charging = true)))
    }
}
