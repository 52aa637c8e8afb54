package org.mirrordna.core

import java.io.File
import java.io.IOException
import java.io.InputStream
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.mirrordna.ffi.Code
import org.mirrordna.ffi.Mirror

class ShareIntakeTest {
    private class Item(override val name: String?, override val media: String?, val content: () -> InputStream) : SharedItem {
        constructor(name: String?, media: String?, bytes: ByteArray) : this(name, media, { bytes.inputStream() })

        override fun open() = content()
    }

    private fun shares(maxItemBytes: Long = ShareIntake.MAX_ITEM_BYTES, test: (ShareIntake, Mirror) -> Unit) = inFolder { folder ->
        val pixel = folder.device("Pixel")
        val staging = File(folder, "staging")
        test(ShareIntake(pixel, staging, maxItemBytes), pixel)
        assertTrue(staging.listFiles().orEmpty().isEmpty(), "something is left in ${staging.list()?.toList()}")
    }

    private fun text(text: String?, subject: String? = null) = Shared(text, subject, emptyList())

    private val picture = ByteArray(4000) { (it * 7).toByte() }

    @Test
    fun `a text is a note`() = shares { intake, pixel ->
        val taken = intake.take(text("  a thought from a book \n"))
        assertEquals("a thought from a book", pixel.note(taken.captured.single().note).text)
        assertTrue(taken.notTaken.isEmpty())
    }

    @Test
    fun `a link keeps its title`() = shares { intake, pixel ->
        intake.take(text("https://example.org/a?b=c", "A page"))
        intake.take(text("A page, in full https://example.org", "A page"))
        intake.take(text(null, "Only a title"))
        assertEquals(listOf("Only a title", "A page, in full https://example.org", "A page\nhttps://example.org/a?b=c"), pixel.texts())
    }

    @Test
    fun `a picture with words is one note, byte for byte`() = shares { intake, pixel ->
        val taken = intake.take(Shared("the sea", null, listOf(Item("IMG 1.jpg", "image/jpeg", picture))))
        val note = pixel.note(taken.captured.single().note)
        assertEquals("the sea", note.text)
        val attachment = note.attachments.single()
        assertEquals(listOf("IMG 1.jpg", "image/jpeg"), listOf(attachment.name, attachment.media))
        assertContentEquals(picture, File(pixel.attachmentPath(attachment.blob)).readBytes())
    }

    @Test
    fun `pictures of one name do not meet`() = shares { intake, pixel ->
        val items = (1..3).map { Item("image.png", "image/png", ByteArray(10) { at -> (at + it).toByte() }) }
        val note = pixel.note(intake.take(Shared(null, null, items)).captured.single().note)
        assertEquals(3, note.attachments.map { it.blob }.toSet().size)
        assertEquals(setOf("image.png"), note.attachments.map { it.name }.toSet())
    }

    @Test
    fun `a recording is known by its type, whatever its name`() = shares { intake, pixel ->
        val items = listOf(Item("Voice 001", "audio/mp4; codecs=opus", picture), Item(null, "audio/ogg", picture + 1))
        val note = pixel.note(intake.take(Shared(null, null, items)).captured.single().note)
        assertEquals(setOf("Voice 001.m4a" to "audio/mp4", "shared.ogg" to "audio/ogg"), note.attachments.map { it.name to it.media }.toSet())
    }

    @Test
    fun `more than a note holds are several notes, and none is missing`() = shares { intake, pixel ->
        val items = (1..35).map { Item("p$it.png", "image/png", byteArrayOf(it.toByte())) }
        val taken = intake.take(Shared("holiday", null, items))
        val notes = taken.captured.map { pixel.note(it.note) }
        assertEquals(listOf("holiday (1/3)" to 16, "holiday (2/3)" to 16, "holiday (3/3)" to 3), notes.map { it.text to it.attachments.size })
        assertEquals(35, notes.flatMap { it.attachments }.map { it.name }.toSet().size)
    }

    @Test
    fun `a text too long for a note is a file, whole`() = shares { intake, pixel ->
        val long = "ह".repeat(20_000)
        val note = pixel.note(intake.take(text(long)).captured.single().note)
        assertTrue(note.text.startsWith("हहह") && "shared.txt" in note.text)
        assertEquals(long, File(pixel.attachmentPath(note.attachments.single().blob)).readText())
    }

    @Test
    fun `a text as long as a note may be, with more files than one holds, is whole`() = shares { intake, pixel ->
        val long = "x".repeat(ShareIntake.MAX_TEXT_BYTES)
        val items = (1..17).map { Item("p$it.png", "image/png", byteArrayOf(it.toByte())) }
        val taken = intake.take(Shared(long, null, items))
        assertTrue(taken.notTaken.isEmpty(), "${taken.notTaken}")
        val names = taken.captured.flatMap { pixel.note(it.note).attachments }.map { it.name }.toSet()
        assertEquals(18, names.size)
    }

    @Test
    fun `what can't be taken is told, and the rest is taken`() = shares(maxItemBytes = 5000) { intake, pixel ->
        val items = listOf(
            Item("big.mp4", "video/mp4", ByteArray(5001)),
            Item("empty.png", "image/png", ByteArray(0)),
            Item("gone.png", "image/png") { throw IOException("the other app took it back") },
            Item("breaks.png", "image/png") { picture.inputStream().let { from -> object : InputStream() {
                override fun read() = from.read().also { if (from.available() < 100) throw IOException("broke off") }
            } } },
            Item("good.png", "image/png", picture),
        )
        val taken = intake.take(Shared(null, null, items))
        assertEquals(listOf("good.png"), pixel.note(taken.captured.single().note).attachments.map { it.name })
        val told = taken.notTaken.associate { it.name to it.trouble.what }
        assertEquals(setOf("big.mp4", "empty.png", "gone.png", "breaks.png"), told.keys)
        assertTrue("5000" in told.getValue("big.mp4"))
        assertEquals("the other app took it back", told["gone.png"])
        assertTrue(pixel.page().total == 1u)
    }

    @Test
    fun `nothing is told to be nothing`() = shares { intake, pixel ->
        val taken = intake.take(text("  \n"))
        assertEquals(Code.INVALID, taken.notTaken.single().trouble.code)
        assertTrue(taken.captured.isEmpty() && pixel.page().notes.isEmpty())
    }

    @Test
    fun `a name leads nowhere and hides nothing`() {
        assertEquals("passwd", fileName("../../etc/passwd", null))
        assertEquals("passwd.txt", fileName("C:\\..\\passwd", "text/plain"))
        assertEquals("photoexe.jpg", fileName("photo\u202Eexe.jpg\u0000", "image/jpeg"))
        assertEquals("shared.png", fileName("...", "image/png"))
        assertEquals("shared", fileName(null, "application/x-unknown"))
        assertEquals("memo.opus", fileName("memo.opus", "audio/ogg"))
        val long = fileName("🍵".repeat(200) + ".jpeg", "image/jpeg")
        assertTrue(long.toByteArray().size <= 200 && long.endsWith("🍵.jpeg"), long)
    }

    @Test
    fun `names of every kind are taken by the node`() = shares { intake, pixel ->
        val names = listOf("चाय.png", "a:b?.png", "..png", "-rf.png", "🍵".repeat(90) + ".png", " ", "CON", "a\tb\n.png")
        val taken = intake.take(Shared(null, null, names.map { Item(it, "image/png", picture) }))
        assertTrue(taken.notTaken.isEmpty(), "${taken.notTaken}")
        assertEquals(names.size, pixel.note(taken.captured.single().note).attachments.size)
    }

    @Test
    fun `what a killed share left is swept`() = inFolder { folder ->
        val staging = File(folder, "staging")
        File(staging, "share123/0").apply { mkdirs() }.let { File(it, "half.mp4").writeText("half") }
        ShareIntake(folder.device("Pixel"), staging).sweep()
        assertTrue(staging.listFiles().orEmpty().isEmpty())
    }
}
