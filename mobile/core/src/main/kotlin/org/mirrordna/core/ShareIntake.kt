package org.mirrordna.core

import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import java.io.InputStream
import java.nio.file.Files
import org.mirrordna.ffi.Capture
import org.mirrordna.ffi.CaptureFile
import org.mirrordna.ffi.Captured
import org.mirrordna.ffi.Code
import org.mirrordna.ffi.Mirror

/** Something another app shares. */
interface SharedItem {
    /** What that app calls it, if it does. */
    val name: String?

    /** Its media type, if that app says. */
    val media: String?

    /** Its content. */
    fun open(): InputStream
}

/** One use of the share sheet. */
class Shared(val text: String?, val subject: String?, val items: List<SharedItem>)

/** What was not taken, and why. */
data class NotTaken(val name: String, val trouble: Trouble)

/** What came of a share. Nothing of it is left out: each thing is in a note, or among what was not taken. */
data class Intake(val captured: List<Captured>, val notTaken: List<NotTaken>)

/**
 * Takes in what other apps share. Content is copied into [staging], since an app may withdraw it at any time; then it becomes
 * notes, several when there are more things than one note holds.
 */
class ShareIntake(private val mirror: Mirror, private val staging: File, private val maxItemBytes: Long = MAX_ITEM_BYTES) {
    /** Takes in a share; all that is reported as captured is durable when it returns. */
    fun take(shared: Shared): Intake {
        val notTaken = mutableListOf<NotTaken>()
        val folder = newFolder()
        try {
            val files = mutableListOf<CaptureFile>()
            val text = textOf(shared)
            var noteText = text
            if (text.toByteArray().size > MAX_TEXT_BYTES - COUNT_BYTES) {
                // Too long for a note: whole as a file, its beginning as the text.
                files += CaptureFile(write(File(folder, "text"), "shared.txt", text.byteInputStream()).path, audio = false)
                noteText = beginning(text)
            }
            shared.items.forEachIndexed { at, item ->
                val name = fileName(item.name, item.media)
                try {
                    val path = write(File(folder, "$at"), name, item.open()).path
                    files += CaptureFile(path, isRecording(name))
                } catch (error: Exception) {
                    notTaken += NotTaken(item.name ?: name, troubleOf(error))
                }
            }
            return capture(noteText, files, notTaken)
        } finally {
            folder.deleteRecursively()
        }
    }

    private fun capture(text: String, files: List<CaptureFile>, notTaken: MutableList<NotTaken>): Intake {
        val captured = mutableListOf<Captured>()
        val notes = files.chunked(MAX_FILES).ifEmpty { if (text.isBlank()) emptyList() else listOf(emptyList()) }
        notes.forEachIndexed { at, part ->
            val counted = if (notes.size > 1) "$text (${at + 1}/${notes.size})".trim() else text
            try {
                captured += mirror.capture(Capture(counted, emptyList(), at = null, files = part, draft = false))
            } catch (error: Exception) {
                val names = part.map { File(it.path).name }.ifEmpty { listOf("text") }
                notTaken += names.map { NotTaken(it, troubleOf(error)) }
            }
        }
        if (notes.isEmpty() && notTaken.isEmpty()) {
            notTaken += NotTaken("share", Trouble(Code.INVALID, "nothing was shared", ""))
        }
        return Intake(captured, notTaken)
    }

    private fun newFolder(): File {
        staging.mkdirs()
        return Files.createTempDirectory(staging.toPath(), "share").toFile()
    }

    private fun write(folder: File, name: String, content: InputStream): File {
        val file = File(folder, name)
        if (!folder.mkdirs()) throw IOException("no room to keep $name for a moment")
        content.use { from ->
            FileOutputStream(file).use { to ->
                val buffer = ByteArray(64 * 1024)
                var bytes = 0L
                while (true) {
                    val read = from.read(buffer)
                    if (read < 0) break
                    bytes += read
                    if (bytes > maxItemBytes) throw IOException("$name has more than $maxItemBytes bytes, the limit for what is shared")
                    to.write(buffer, 0, read)
                }
                if (bytes == 0L) throw IOException("$name is empty")
            }
        }
        return file
    }

    /** Removes what shares that were killed left behind; only while none is being taken in. */
    fun sweep() {
        staging.listFiles()?.forEach { it.deleteRecursively() }
    }

    companion object {
        /** Bytes of a note's text; the node's limit. */
        const val MAX_TEXT_BYTES = 48 * 1024

        /** Room for "(2/3)" behind a text. */
        private const val COUNT_BYTES = 32

        /** Files of one note; the node's limit. */
        const val MAX_FILES = 16

        /** Bytes of one shared thing, which for a moment lies on the phone twice. */
        const val MAX_ITEM_BYTES = 512L * 1024 * 1024
    }
}

private const val BEGINNING_CHARS = 500
private const val MAX_NAME_BYTES = 200

/** Title and link in two lines; other text as it is. */
private fun textOf(shared: Shared): String {
    val text = shared.text?.trim().orEmpty()
    val subject = shared.subject?.trim().orEmpty()
    return when {
        subject.isEmpty() || text.startsWith(subject) -> text
        else -> "$subject\n$text".trim()
    }
}

private fun beginning(text: String): String {
    val cut = if (text[BEGINNING_CHARS - 1].isHighSurrogate()) BEGINNING_CHARS - 1 else BEGINNING_CHARS
    return text.substring(0, cut) + "… (all of it is in shared.txt)"
}

private val ENDINGS = mapOf(
    "audio/aac" to "aac", "audio/amr" to "amr", "audio/3gpp" to "amr", "audio/flac" to "flac", "audio/mp4" to "m4a",
    "audio/x-m4a" to "m4a", "audio/mpeg" to "mp3", "audio/ogg" to "ogg", "audio/opus" to "opus", "audio/wav" to "wav",
    "audio/x-wav" to "wav", "audio/webm" to "weba", "text/plain" to "txt", "text/csv" to "csv", "text/markdown" to "md",
    "application/pdf" to "pdf", "application/json" to "json", "application/zip" to "zip", "image/gif" to "gif",
    "image/heic" to "heic", "image/jpeg" to "jpg", "image/png" to "png", "image/svg+xml" to "svg", "image/webp" to "webp",
    "video/quicktime" to "mov", "video/mp4" to "mp4", "video/webm" to "webm",
)
private val RECORDINGS = setOf("aac", "amr", "flac", "m4a", "mp3", "oga", "ogg", "opus", "wav", "weba")

private fun isRecording(name: String): Boolean = name.substringAfterLast('.', "").lowercase() in RECORDINGS

/** A name that a note takes: no folders, no signs that hide or turn, an ending that says what it is. */
internal fun fileName(given: String?, media: String?): String {
    val ending = ENDINGS[media?.substringBefore(';')?.trim()?.lowercase()]
    val plain = given.orEmpty().substringAfterLast('/').substringAfterLast('\\')
        .filterNot { it.isISOControl() || it.category == CharCategory.FORMAT }
        .trim().trimStart('.')
    val stem = plain.ifEmpty { "shared" }
    val known = stem.substringAfterLast('.', "").lowercase().let { it in ENDINGS.values || it in RECORDINGS || it == "jpeg" }
    val name = if (known || ending == null) stem else "$stem.$ending"
    return cut(name)
}

/** At most [MAX_NAME_BYTES], with its ending. */
private fun cut(name: String): String {
    if (name.toByteArray().size <= MAX_NAME_BYTES) return name
    val ending = name.substringAfterLast('.', "").takeIf { it.length in 1..8 }?.let { ".$it" }.orEmpty()
    var stem = name.removeSuffix(ending)
    while ((stem + ending).toByteArray().size > MAX_NAME_BYTES || stem.last().isHighSurrogate()) stem = stem.dropLast(1)
    return stem + ending
}
