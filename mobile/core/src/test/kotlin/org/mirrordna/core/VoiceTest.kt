package org.mirrordna.core

import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.concurrent.CopyOnWriteArrayList
import javax.sound.sampled.AudioSystem
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNull
import kotlin.test.assertTrue
import org.mirrordna.ffi.Code
import org.mirrordna.ffi.Mirror

/** Voice, from the permission to the note. The microphone is a tone; files and notes are real. */
class VoiceTest {
    private class Desk(val folder: File) {
        val home = folder.home("Pixel")
        val voice = File(folder, "voice")
        val recordings = Recordings(home, voice)
        val microphone = Tone()
        val ends = CopyOnWriteArrayList<VoiceEnd>()
        var granted = true
        var asked = 0
        private val permission = object : MicrophonePermission {
            override val granted get() = this@Desk.granted

            override fun ask() {
                asked++
            }
        }
        val recorder = VoiceRecorder(microphone, permission, recordings, SetClock(), ends::add)

        fun on(event: VoiceEvent) = recorder.onEvent(event)

        suspend fun recordFor(ms: Long) = (recorder.durationMs + ms).let { until ->
            eventually("$until ms are recorded") { recorder.durationMs >= until }
        }

        fun left(): List<File> = voice.listFiles().orEmpty().toList()
    }

    private fun atDesk(test: suspend (Desk, Mirror) -> Unit) = inFolder { folder ->
        val pixel = folder.device("Pixel")
        test(Desk(folder), pixel)
    }

    @Test
    fun `a recording becomes a note with its sound, and leaves nothing behind`() = atDesk { desk, pixel ->
        desk.on(VoiceEvent.START)
        desk.recordFor(1500)
        assertTrue(desk.recorder.level.value.loudness in 0.5f..1f, "${desk.recorder.level.value}")
        assertEquals(Voice.Idle, desk.on(VoiceEvent.STOP))

        val kept = assertIs<VoiceEnd.Kept>(desk.ends.single())
        assertNull(kept.cut)
        val note = pixel.note(kept.note.note)
        assertTrue(note.at.startsWith("2026-11-24T09:30:00") && note.at.endsWith("+05:30"), note.at)
        assertEquals(listOf("voice"), note.tags)
        val sound = note.attachments.single()
        assertEquals(listOf("2026-11-24T093000.000+0530.opus", "audio/ogg"), listOf(sound.name, sound.media))
        assertEquals(kept.durationMs, durationOfOpus(File(pixel.attachmentPath(sound.blob))))
        assertTrue(desk.left().isEmpty())
    }

    @Test
    fun `the person is asked first, and a no is a state of its own`() = atDesk { desk, _ ->
        desk.granted = false
        assertEquals(Voice.Asking, desk.on(VoiceEvent.START))
        assertEquals(1, desk.asked)
        assertEquals(Voice.Denied, desk.on(VoiceEvent.REFUSED))
        assertTrue(desk.left().isEmpty() && desk.ends.isEmpty())

        assertEquals(Voice.Asking, desk.on(VoiceEvent.START))
        assertEquals(Voice.Recording, desk.on(VoiceEvent.GRANTED))
        desk.recordFor(200)
        desk.on(VoiceEvent.STOP)
        assertIs<VoiceEnd.Kept>(desk.ends.single())
    }

    @Test
    fun `pause and resume make one recording without the pause`() = atDesk { desk, _ ->
        desk.on(VoiceEvent.START)
        desk.recordFor(400)
        assertEquals(Voice.Paused(Pause.PERSON), desk.on(VoiceEvent.PAUSE))
        val paused = desk.recorder.durationMs
        Thread.sleep(150)
        assertEquals(paused, desk.recorder.durationMs)
        assertEquals(paused, WavWriter.repair(desk.left().single()))
        desk.on(VoiceEvent.RESUME)
        desk.recordFor(400)
        desk.on(VoiceEvent.STOP)
        assertTrue(assertIs<VoiceEnd.Kept>(desk.ends.single()).durationMs >= paused + 400)
    }

    @Test
    fun `a call pauses and its end resumes, but not what the person paused`() = atDesk { desk, _ ->
        desk.on(VoiceEvent.START)
        desk.recordFor(100)
        assertEquals(Voice.Paused(Pause.CALL), desk.on(VoiceEvent.CALL))
        assertEquals(Voice.Recording, desk.on(VoiceEvent.CALL_ENDED))
        desk.recordFor(100)
        assertEquals(Voice.Recording, desk.on(VoiceEvent.SCREEN_OFF))
        desk.recordFor(100)
        desk.on(VoiceEvent.CALL)
        assertEquals(Voice.Paused(Pause.PERSON), desk.on(VoiceEvent.PAUSE))
        assertEquals(Voice.Paused(Pause.PERSON), desk.on(VoiceEvent.CALL_ENDED))
        desk.on(VoiceEvent.STOP)
        assertIs<VoiceEnd.Kept>(desk.ends.single())
    }

    @Test
    fun `events out of turn change nothing`() {
        val states = listOf(Voice.Idle, Voice.Asking, Voice.Denied, Voice.Recording) + Pause.entries.map(Voice::Paused)
        for (state in states) for (event in VoiceEvent.entries) {
            val (next, what) = state.on(event, mayRecord = true)
            val writes = { voice: Voice -> voice is Voice.Recording || voice is Voice.Paused }
            // A file is open exactly in the states that write one.
            val opened = what == VoiceDo.OPEN
            val finished = what == VoiceDo.FINISH
            assertEquals(writes(next), (writes(state) || opened) && !finished, "$state, $event")
            assertEquals(next is Voice.Recording, opened || what == VoiceDo.CONTINUE || (state is Voice.Recording && next == state), "$state, $event")
        }
        assertEquals(Voice.Recording, Voice.Recording.on(VoiceEvent.START, mayRecord = true).first)
        assertEquals(VoiceDo.NOTHING, Voice.Recording.on(VoiceEvent.START, mayRecord = true).second)
    }

    @Test
    fun `a withheld microphone is told while recording, and makes no note of nothing`() = atDesk { desk, pixel ->
        desk.microphone.withheld = true
        desk.on(VoiceEvent.START)
        desk.recordFor(500)
        assertFalse(desk.recorder.level.value.mute)
        desk.recordFor(700)
        assertTrue(desk.recorder.level.value.mute)
        desk.on(VoiceEvent.STOP)
        assertTrue(assertIs<VoiceEnd.AllZero>(desk.ends.single()).durationMs >= 1200)
        assertTrue(pixel.page().notes.isEmpty() && desk.left().isEmpty())
    }

    @Test
    fun `a microphone that is withheld in between is told, and what was said before is kept`() = atDesk { desk, _ ->
        desk.on(VoiceEvent.START)
        desk.recordFor(300)
        desk.microphone.withheld = true
        desk.recordFor(1200)
        assertTrue(desk.recorder.level.value.mute)
        desk.microphone.withheld = false
        desk.recordFor(200)
        assertFalse(desk.recorder.level.value.mute)
        desk.on(VoiceEvent.STOP)
        assertIs<VoiceEnd.Kept>(desk.ends.single())
    }

    @Test
    fun `a microphone that gives up ends the recording, and what there is becomes a note that says so`() = atDesk { desk, pixel ->
        desk.on(VoiceEvent.START)
        desk.recordFor(300)
        desk.microphone.broken = IOException("the microphone is gone")
        eventually("it ended") { desk.ends.isNotEmpty() }
        assertEquals("the microphone is gone", assertIs<VoiceEnd.Kept>(desk.ends.single()).cut?.what)
        assertEquals(Voice.Idle, desk.recorder.state.value)
        assertEquals(1, pixel.page().notes.size)
    }

    @Test
    fun `a microphone that can't be opened is told`() = atDesk { desk, pixel ->
        desk.microphone.broken = IOException("in use")
        assertEquals(Voice.Idle, desk.on(VoiceEvent.START))
        assertEquals("in use", assertIs<VoiceEnd.NotYet>(desk.ends.single()).trouble.what)
        assertTrue(pixel.page().notes.isEmpty() && desk.left().isEmpty())
    }

    @Test
    fun `a recording before pairing waits on disk and becomes a note later`() = inFolder { folder ->
        val desk = Desk(folder)
        desk.on(VoiceEvent.START)
        desk.recordFor(300)
        desk.on(VoiceEvent.STOP)
        assertEquals(Code.NOT_INITIALISED, assertIs<VoiceEnd.NotYet>(desk.ends.single()).trouble.code)
        assertEquals(1, desk.left().size)

        val pixel = folder.device("Pixel")
        assertEquals(1, desk.recordings.recover().captured.size)
        assertEquals(1, pixel.page().notes.single().attachments.size)
        assertTrue(desk.left().isEmpty())
    }

    @Test
    fun `what is being recorded is not taken for what was left behind`() = atDesk { desk, pixel ->
        desk.on(VoiceEvent.START)
        desk.recordFor(200)
        assertTrue(desk.recordings.recover().captured.isEmpty())
        desk.recordFor(200)
        desk.on(VoiceEvent.STOP)
        assertTrue(assertIs<VoiceEnd.Kept>(desk.ends.single()).durationMs >= 400)
        assertTrue(desk.recordings.recover().captured.isEmpty())
        assertEquals(1, pixel.page().notes.size)
    }

    @Test
    fun `two recordings of one second do not meet`() = atDesk { desk, pixel ->
        repeat(2) {
            desk.on(VoiceEvent.START)
            desk.recordFor(100)
            desk.on(VoiceEvent.STOP)
        }
        assertEquals(2, pixel.page(tag = "voice").notes.size)
    }

    @Test
    fun `a recording is a whole file after every write`() = inFolder { folder ->
        val file = File(folder, "a.wav")
        val samples = ShortArray(800) { (it * 40).toShort() }
        WavWriter(file, 16_000).use { wav ->
            repeat(50) { written ->
                val copy = file.copyTo(File(folder, "copy.wav"), overwrite = true)
                assertEquals(written * 50L, durationOf(copy, asWav = copy))
                wav.write(samples, samples.size)
            }
        }
        val heard = AudioSystem.getAudioInputStream(file).use { it.readAllBytes() }
        assertEquals(50 * 800 * 2, heard.size)
        val again = ShortArray(800) { at -> ((heard[2 * at].toInt() and 0xff) or (heard[2 * at + 1].toInt() shl 8)).toShort() }
        assertContentEquals(samples, again)
    }

    @Test
    fun `a file cut at any byte is repaired to its whole samples, or said to be none`() = inFolder { folder ->
        val whole = File(folder, "whole.wav")
        WavWriter(whole, 16_000).use { it.write(ShortArray(160) { 7 }, 160) }
        val bytes = whole.readBytes()
        for (cut in 0..bytes.size) {
            val file = File(folder, "cut.wav").apply { writeBytes(bytes.copyOf(cut)) }
            val repaired = WavWriter.repair(file)
            if (cut < 46) {
                assertNull(repaired, "$cut bytes")
            } else {
                assertEquals((cut - 44) / 2 * 2 + 44L, file.length())
                val frames = AudioSystem.getAudioInputStream(file).use { it.frameLength }
                assertEquals((cut - 44) / 2L, frames, "$cut bytes")
            }
        }
        assertNull(WavWriter.repair(File(folder, "no.wav").apply { writeText("this is no recording of ours, though it is long enough") }))
    }

    @Test
    fun `killed while recording, what was recorded is a note after the next start, once`() = inFolder { folder ->
        folder.device("Pixel").close()
        val (home, voice) = folder.home("Pixel") to File(folder, "voice")
        var notes = 0
        for (ms in listOf(0, 120, 900)) {
            val app = jvm("org.mirrordna.core.Killed", "record", folder.path)
            var recorded = 0L
            for (line in app.inputStream.bufferedReader().lineSequence()) {
                recorded = line.removePrefix("recorded ").toLong()
                if (recorded >= ms) break
            }
            app.kill()
            val file = voice.listFiles().orEmpty().single()
            if (recorded > 0) assertTrue(durationOf(file, asWav = file) >= recorded, "$recorded ms were said to be there")
            notes += Recordings(home, voice).recover().also { assertTrue(it.notTaken.isEmpty(), "$it") }.captured.size
            assertTrue(voice.listFiles().orEmpty().isEmpty())
            assertEquals(notes, home.mirror().page().notes.size)
            assertTrue(Recordings(home, voice).recover().captured.isEmpty())
        }
        assertTrue(notes >= 2)
    }

    @Test
    fun `killed between note and clean-up, a recording is not a note twice`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        val voice = File(folder, "voice")
        val recordings = Recordings(folder.home("Pixel"), voice)
        val file = recordings.newFile(SetClock().now())
        WavWriter(file, 16_000).use { it.write(ShortArray(1600) { 9 }, 1600) }
        val copy = file.readBytes()
        recordings.capture(file)
        file.writeBytes(copy)

        val recovered = Recordings(folder.home("Pixel"), voice).recover()
        assertTrue(recovered.captured.isEmpty() && recovered.notTaken.isEmpty(), "$recovered")
        assertFalse(file.exists())
        assertEquals(1, pixel.page().notes.size)
    }

    @Test
    fun `killed at any moment of many recordings, every sound is in exactly one note`() = inFolder { folder ->
        folder.device("Pixel").close()
        val (home, voice) = folder.home("Pixel") to File(folder, "voice")
        var said = 0
        repeat(3) { round ->
            val app = jvm("org.mirrordna.core.Killed", "record-and-capture", folder.path)
            val done = app.inputStream.bufferedReader().lineSequence().filter { it == "note" }.take(2 + round).count()
            Thread.sleep(round * 17L)
            app.kill()
            said += done
            val recovered = Recordings(home, voice).recover()
            assertTrue(recovered.notTaken.isEmpty(), "$recovered")
            val blobs = home.mirror().page().notes.map { it.attachments.single().blob }
            assertTrue(blobs.size >= said, "$said were said to be notes, ${blobs.size} are")
        }
        mirror(File(folder, "Pixel"), "verify", "--deep")
    }
}

/** Where the last page of an Ogg Opus file ends, without what a decoder leaves out at the beginning (RFC 7845). */
private fun durationOfOpus(file: File): Long {
    val bytes = ByteBuffer.wrap(file.readBytes()).order(ByteOrder.LITTLE_ENDIAN)
    fun at(word: String, from: IntProgression) =
        from.first { i -> word.indices.all { bytes.get(i + it) == word[it].code.toByte() } }
    val skip = bytes.getShort(at("OpusHead", 0..bytes.limit() - 8) + 10)
    return (bytes.getLong(at("OggS", bytes.limit() - 4 downTo 0) + 6) - skip) / 48
}

/** As another program reads it. */
private fun durationOf(file: File, asWav: File): Long {
    if (file != asWav) file.copyTo(asWav, overwrite = true)
    return AudioSystem.getAudioInputStream(asWav).use { it.frameLength * 1000 / it.format.frameRate.toLong() }
}
