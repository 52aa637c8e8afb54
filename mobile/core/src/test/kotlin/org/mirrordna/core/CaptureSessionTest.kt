package org.mirrordna.core

import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertTrue
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import org.mirrordna.ffi.Code
import org.mirrordna.ffi.Mirror

class CaptureSessionTest {
    private fun session(folder: File, test: suspend (CaptureSession, Home) -> Unit) = folder.home("Pixel").let { home ->
        suspend {
            val scope = CoroutineScope(Job() + Dispatchers.Default)
            try {
                test(CaptureSession(home, scope, Dispatchers.IO), home)
            } finally {
                scope.cancel()
            }
        }
    }

    @Test
    fun `a text is kept soon after a keystroke, without being asked`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        session(folder) { session, _ ->
            session.onText("half")
            session.onText("half a thou")
            assertEquals(Draft.Writing, session.draft.value)
            eventually("kept") { session.draft.value == Draft.Kept }
            assertEquals("half a thou", pixel.draft())
            assertEquals("half a thou", session.restore())
        }()
    }

    @Test
    fun `someone who never pauses has a kept draft too`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        session(folder) { session, _ ->
            val typing = CoroutineScope(Dispatchers.Default).launch {
                generateSequence("") { it + "x" }.forEach { session.onText(it); kotlinx.coroutines.delay(10) }
            }
            eventually("kept while typing") { pixel.draft().length > 20 }
            typing.cancel()
        }()
    }

    @Test
    fun `a screen that leaves keeps the text at once`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        session(folder) { session, _ ->
            session.onText("on the way out")
            session.flush()
            assertEquals("on the way out", pixel.draft())
        }()
    }

    @Test
    fun `a captured text does not come back as a draft`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        session(folder) { session, _ ->
            repeat(20) {
                session.onText("thought $it")
                session.done("thought $it", listOf("quick"))
            }
            kotlinx.coroutines.delay(600)
            assertEquals("", pixel.draft())
            assertEquals(20, pixel.page(tag = "quick").notes.size)
            session.onText("next")
            session.flush()
            assertEquals("next", pixel.draft())
        }()
    }

    @Test
    fun `a text that can't become a note is kept, and the reason is told`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        session(folder) { session, _ ->
            val long = "x".repeat(49 * 1024)
            session.onText(long)
            failure { session.done(long) }.isTold(Code.INVALID, "49152")
            session.flush()
            assertTrue(pixel.page().notes.isEmpty())
            session.onText("short")
            assertEquals("short", pixel.note(session.done("short").note).text)
        }()
    }

    @Test
    fun `a draft that can't be kept is told, and kept once it can`() = inFolder { folder ->
        session(folder) { session, _ ->
            session.onText("before pairing")
            session.flush()
            assertEquals(Code.NOT_INITIALISED, assertIs<Draft.Failed>(session.draft.value).trouble.code)
            val pixel = folder.device("Pixel")
            session.flush()
            assertEquals(Draft.Kept, session.draft.value)
            assertEquals("before pairing", pixel.draft())
        }()
    }

    @Test
    fun `killed while typing, at most the last moment is lost`() = inFolder { folder ->
        folder.device("Pixel").close()
        val place = File(folder, "Pixel")
        for (letters in listOf(1, 40, 150)) {
            val before = Mirror.open(place.path).use { it.draft().length }
            val app = jvm("org.mirrordna.core.Killed", "type", place.path)
            var (typed, kept) = 0 to before
            for (line in app.inputStream.bufferedReader().lineSequence()) {
                val (what, length) = line.split(' ')
                if (what == "typed") typed = length.toInt() else kept = length.toInt()
                if (typed >= before + letters && (letters == 1 || kept > before)) break
            }
            app.kill()
            val found = Mirror.open(place.path).use { it.draft() }
            assertTrue(found.length >= kept, "kept $kept, found ${found.length}")
            assertEquals(found.indices.map { 'a' + it % 26 }.joinToString(""), found)
        }
        mirror(place, "verify", "--deep")
    }

    @Test
    fun `killed while capturing, a text is a note or a draft, and never both or neither`() = inFolder { folder ->
        folder.device("Pixel").close()
        val place = File(folder, "Pixel")
        repeat(4) { round ->
            val texts = Mirror.open(place.path).use { it.texts().size }
            val app = jvm("org.mirrordna.core.Killed", "capture", place.path)
            val said = mutableListOf<String>()
            for (line in app.inputStream.bufferedReader().lineSequence()) {
                said += line
                if (said.size > round * 7 + 1) break
            }
            app.kill()
            Mirror.open(place.path).use { pixel ->
                val found = pixel.texts().dropLast(texts)
                val notes = said.filter { it.startsWith("note ") }.map { it.removePrefix("note ") }
                assertTrue(found.containsAll(notes), "said $said, found $found")
                assertEquals(found.size, found.toSet().size)
                val drafted = said.last { it.startsWith("draft ") }.removePrefix("draft ")
                val after = listOf(pixel.draft()) + found
                assertTrue(drafted in after, "$drafted is neither")
                assertTrue(pixel.draft() !in found, "both")
            }
        }
        mirror(place, "verify", "--deep")
    }
}
