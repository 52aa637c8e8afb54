package org.mirrordna.core

import java.io.File
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertTrue
import org.mirrordna.ffi.BlobState
import org.mirrordna.ffi.Capture
import org.mirrordna.ffi.CaptureFile
import org.mirrordna.ffi.Code
import org.mirrordna.ffi.DiffChange
import org.mirrordna.ffi.Mirror
import org.mirrordna.ffi.NoteState
import org.mirrordna.ffi.Query
import org.mirrordna.ffi.Role
import org.mirrordna.ffi.Take
import org.mirrordna.ffi.isInitialised
import org.mirrordna.ffi.readTicket

/** What Kotlin can do with one home. */
class FacadeTest {
    @Test
    fun `a captured note is there for whoever opens the home`() = inFolder { folder ->
        val captured = folder.device("Pixel").write("चाय के बाद 🍵", "walk")

        val listed = mirror(File(folder, "Pixel"), "--json", "note", "list")
        assertTrue(captured.note in listed && "चाय के बाद 🍵" in listed, listed)
        val note = Mirror.open(File(folder, "Pixel").path).note(captured.note.take(12))
        assertEquals("चाय के बाद 🍵", note.text)
        assertEquals(listOf("walk"), note.tags)
        assertEquals("Pixel", note.deviceName)
        assertEquals(NoteState.CURRENT, note.state)
    }

    @Test
    fun `a note keeps the author's own time`() = inFolder { folder ->
        val at = "2026-11-23T23:59:58+05:30"
        val pixel = folder.device("Pixel")
        val captured = pixel.capture(Capture("late", emptyList(), at, emptyList(), draft = false))

        assertTrue(captured.at.startsWith("2026-11-23T23:59:58") && captured.at.endsWith("+05:30"), captured.at)
        assertEquals(captured.at, pixel.note(captured.note).at)
    }

    @Test
    fun `pages show every note once, newest first`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        val written = (1..25).map { pixel.write("note $it").note }

        val pages = generateSequence(pixel.page(limit = 10)) { page -> page.next?.let { pixel.page(limit = 10, cursor = it) } }.toList()
        assertEquals(listOf(10, 10, 5), pages.map { it.notes.size })
        assertEquals(written.reversed(), pages.flatMap { it.notes }.map { it.note })
        assertTrue(pages.all { it.total == 25u })
    }

    @Test
    fun `lists follow tag, device and time`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        pixel.capture(Capture("old", listOf("walk"), "2020-01-01T00:00:00Z", emptyList(), draft = false))
        pixel.write("new", "walk")
        pixel.write("other")

        fun list(since: String? = null, tag: String? = null, device: String? = null) =
            pixel.notes(Query(since, tag, device, 50u, cursor = null, archived = false)).notes.map { it.text }.toSet()
        assertEquals(setOf("old", "new"), list(tag = "walk"))
        assertEquals(setOf("new"), list(since = "2021-01-01T00:00:00Z", tag = "walk"))
        assertEquals(setOf("old", "new", "other"), list(device = "Pixel"))
        failure { list(device = "Nokia") }.isTold(Code.NOT_FOUND, "Nokia")
    }

    @Test
    fun `search finds every script and marks what it found`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        val wanted = pixel.write("The printer wants heavier paper")
        pixel.write("अम्मा को फ़ोन करना है")

        val hit = pixel.search("heavier printer", 10u).single()
        assertEquals(wanted.note, hit.note)
        assertEquals(setOf("printer", "heavier"), hit.spans.filter { it.matched }.map { it.text }.toSet())
        assertEquals(hit.snippet, hit.spans.joinToString("") { it.text })
        assertEquals(1, pixel.search("फ़ोन", 10u).size)
        assertTrue(pixel.search("absent", 10u).isEmpty())
    }

    @Test
    fun `an edit is a revision and the history keeps both`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        val first = pixel.write("milk")
        val second = pixel.edit(first.note, first.id, "oat milk")

        assertEquals("oat milk", pixel.note(first.note).text)
        val history = pixel.history(first.note)
        assertEquals(listOf("milk" to false, "oat milk" to true), history.map { it.text to it.latest })
        assertEquals(listOf(first.id), history.single { it.id == second.id }.parents)
    }

    @Test
    fun `an archived note leaves the list and not the history`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        val note = pixel.write("done with")
        pixel.archive(note.note)

        assertTrue(pixel.page().notes.isEmpty())
        assertEquals(NoteState.ARCHIVED, pixel.note(note.note).state)
        assertEquals(2, pixel.history(note.note).size)
    }

    @Test
    fun `an edit of a revision that was replaced is a conflict that a person settles`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        val base = pixel.write("Groceries\nmilk\nbread\ntea")
        pixel.edit(base.note, base.id, "Groceries\noat milk\nbread\ntea")
        pixel.edit(base.note, base.id, "Groceries\nmilk\nbread\nblack tea")

        val conflict = pixel.conflicts().single()
        assertEquals(base.note, conflict.note)
        assertEquals(base.id, conflict.base?.id)
        assertEquals("Groceries\noat milk\nbread\nblack tea", conflict.proposal)
        assertTrue((conflict.ours.diff + conflict.theirs.diff).any { it.change == DiffChange.ADDED && "black" in it.text })
        assertEquals(1u, pixel.status().conflicts)

        failure { pixel.resolve(base.note, Take.Ours, listOf("00", "11")) }.isTold(Code.CONFLICT)
        pixel.resolve(base.note, Take.Text("Groceries\nwater"), listOf(conflict.ours.id, conflict.theirs.id))
        assertTrue(pixel.conflicts().isEmpty())
        assertEquals("Groceries\nwater", pixel.note(base.note).text)
        failure { pixel.resolve(base.note, Take.Merged, null) }
    }

    @Test
    fun `a draft is kept, and becomes a note in one step`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        assertEquals("", pixel.draft())
        pixel.saveDraft("half a thou")
        assertEquals("half a thou", pixel.draft())

        pixel.capture(Capture("half a thought", emptyList(), null, emptyList(), draft = true))
        assertEquals("", pixel.draft())
        assertEquals(listOf("half a thought"), pixel.texts())
    }

    @Test
    fun `a file of a note is byte for byte what was attached`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        val photo = File(folder, "sea.jpg").apply { writeBytes(ByteArray(700_000) { (it * 31).toByte() }) }
        val note = pixel.noteWith("", photo)

        val attachment = pixel.note(note.note).attachments.single()
        assertEquals(listOf("sea.jpg", "image/jpeg", "700000"), attachment.run { listOf(name, media, size.toString()) })
        assertEquals(BlobState.PRESENT, attachment.state)
        assertContentEquals(photo.readBytes(), File(pixel.attachmentPath(attachment.blob)).readBytes())
    }

    @Test
    fun `the status and the standup say what is here`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        pixel.write("one")
        val status = pixel.status()
        assertEquals("Pixel", status.identity?.name)
        assertEquals(1u, status.notes)
        assertTrue(pixel.devices().single().`this`)
        assertTrue("one" in pixel.standup(null, "Asia/Kolkata").markdown)
    }

    @Test
    fun `what is wrong is told with a code, what happened and a way out`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        val note = pixel.write("one").note

        failure { pixel.write("") }.isTold(Code.INVALID)
        failure { pixel.write("   ") }.isTold(Code.INVALID)
        failure { pixel.write("x".repeat(49 * 1024)) }.isTold(Code.INVALID, "49152", "50176")
        failure { pixel.write("tagged", "white space") }.isTold(Code.INVALID, "white space")
        failure { pixel.capture(Capture("t", emptyList(), "yesterday", emptyList(), draft = false)) }
            .isTold(Code.INVALID, "yesterday", "2026-11-22T09:30:00+05:30")
        failure { pixel.note("zz") }.isTold(Code.INVALID, "zz")
        failure { pixel.note("00000000") }.isTold(Code.NOT_FOUND)
        failure { pixel.edit(note, "00000000", "text") }.isTold(Code.NOT_FOUND)
        failure { pixel.noteWith("no file", File(folder, "absent.txt")) }.isTold(Code.IO, "absent.txt", "check the path")
        failure { pixel.page(cursor = "nonsense") }.isTold(Code.INVALID)
        failure { pixel.capture(Capture("", emptyList(), null, listOf(CaptureFile(folder.path, audio = true)), false)) }.isTold(Code.INVALID)
        failure { readTicket("mirror1nonsense") }.isTold(Code.INVALID, "damaged")
        failure { readTicket("https://example.org") }.isTold(Code.INVALID, "mirror1")
        failure { pixel.serve("everywhere").stop() }.isTold(Code.INVALID, "everywhere", "127.0.0.1:0")
        assertTrue(failure { pixel.note("zz") }.message.isNotBlank())
    }

    @Test
    fun `a home that is none, and one that is there already, are told`() = inFolder { folder ->
        val place = File(folder, "Pixel")
        assertFalse(isInitialised(place.path))
        failure { Mirror.open(place.path) }.isTold(Code.NOT_INITIALISED)
        assertFalse(isInitialised(place.path))
        folder.device("Pixel")
        assertTrue(isInitialised(place.path))
        failure { folder.device("Pixel") }
        failure { Mirror.init(File(folder, "other").path, "", Role.ANCHOR) }.isTold(Code.INVALID)
    }

    @Test
    fun `many threads capture at once and no note is lost or doubled`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        val threads = (1..8).map { thread -> kotlin.concurrent.thread { repeat(25) { pixel.write("thread $thread note $it") } } }
        repeat(20) { pixel.page(limit = 5); pixel.status() }
        threads.forEach(Thread::join)

        val texts = pixel.texts()
        assertEquals(200, texts.size)
        assertEquals((1..8).flatMap { thread -> (0..<25).map { "thread $thread note $it" } }.toSet(), texts.toSet())
        mirror(File(folder, "Pixel"), "verify", "--deep")
    }

    @Test
    fun `another process writes to the same home meanwhile`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        val home = File(folder, "Pixel")
        val others = kotlin.concurrent.thread { repeat(10) { mirror(home, "note", "add", "by mirror $it") } }
        repeat(60) { pixel.write("by kotlin $it") }
        others.join()

        val expected = (0..<10).map { "by mirror $it" } + (0..<60).map { "by kotlin $it" }
        assertEquals(expected.toSet(), pixel.texts().toSet())
        assertEquals(70, pixel.texts().size)
        mirror(home, "verify", "--deep")
        val chains = pixel.devices().single().chains
        assertEquals(1, chains.size)
        assertTrue(pixel.devices().single().forks.isEmpty())
    }

    @Test
    fun `what was closed is told to be closed, and the home is not`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        pixel.write("kept")
        pixel.close()
        assertIs<IllegalStateException>(runCatching { pixel.texts() }.exceptionOrNull())
        val again = Mirror.open(File(folder, "Pixel").path)
        assertEquals(listOf("kept"), again.texts())
    }
}
