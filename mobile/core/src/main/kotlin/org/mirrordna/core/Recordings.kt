package org.mirrordna.core

import java.io.File
import java.security.MessageDigest
import java.time.OffsetDateTime
import java.time.format.DateTimeFormatter
import java.time.format.DateTimeParseException
import java.util.concurrent.ConcurrentHashMap
import org.mirrordna.ffi.Capture
import org.mirrordna.ffi.CaptureFile
import org.mirrordna.ffi.Captured
import org.mirrordna.ffi.Mirror
import org.mirrordna.ffi.Query

/** The folder of recordings that are not notes yet. A file's name says when it began. */
class Recordings(private val home: Home, private val folder: File) {
    /** Those that are being recorded. */
    private val open = ConcurrentHashMap.newKeySet<File>()

    /** A file for a recording that begins now; it is left alone until it is [released][release]. */
    fun newFile(now: OffsetDateTime): File {
        folder.mkdirs()
        val name = NAME.format(now)
        return generateSequence(0) { it + 1 }.map { File(folder, if (it == 0) "$name.wav" else "$name ($it).wav") }
            .first { it.createNewFile() }
            .also(open::add)
    }

    /** Nothing is written to it any more. */
    fun release(file: File) {
        open.remove(file)
    }

    /** Makes a recording a note; the file goes once the note is durable. */
    fun capture(file: File): Captured {
        val files = listOf(CaptureFile(file.path, audio = true))
        val note = Capture("", listOf(VOICE_TAG), startOf(file), files, draft = false)
        return home.mirror().capture(note).also { drop(file) }
    }

    /** Removes a recording that holds nothing, or that a note holds. */
    fun drop(file: File) {
        file.delete()
    }

    /**
     * Makes notes of what the end of the process left behind. A recording that is in a note already, because the process ended
     * between the two, makes no second one. Gives the new notes and what failed.
     */
    @Synchronized
    fun recover(): Intake {
        val captured = mutableListOf<Captured>()
        val notTaken = mutableListOf<NotTaken>()
        val left = folder.listFiles { file -> file.name.endsWith(".wav") && file !in open }
        for (file in left.orEmpty().sorted()) {
            try {
                when {
                    WavWriter.repair(file) == null || isAllZero(file) -> drop(file)
                    isNote(file) -> drop(file)
                    else -> captured += capture(file)
                }
            } catch (error: Exception) {
                notTaken += NotTaken(file.name, troubleOf(error))
            }
        }
        return Intake(captured, notTaken)
    }

    /** The core may keep the sound in another form, under another ending: the name, to the millisecond, is the recording's own. */
    private fun isNote(file: File): Boolean {
        val blob by lazy { sha256(file) }
        return home.mirror().voiceNotes(since = startOf(file)).any { note ->
            note.attachments.any { it.name.substringBeforeLast('.') == file.nameWithoutExtension || it.blob == blob }
        }
    }

    internal companion object {
        /** What every recording is tagged with. */
        const val VOICE_TAG = "voice"
        private const val PAGE = 100u
        private const val HEADER_BYTES = 44L
        private val NAME: DateTimeFormatter = DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HHmmss.SSSXX")

        private fun startOf(file: File): String? = try {
            OffsetDateTime.parse(file.name.removeSuffix(".wav").substringBefore(' '), NAME)
                .format(DateTimeFormatter.ISO_OFFSET_DATE_TIME)
        } catch (_: DateTimeParseException) {
            null
        }

        /** Archived or not. */
        private fun Mirror.voiceNotes(since: String?) = sequence {
            var cursor: String? = null
            do {
                val page = notes(Query(since, VOICE_TAG, device = null, PAGE, cursor, archived = true))
                yieldAll(page.notes)
                cursor = page.next
            } while (cursor != null)
        }

        private fun isAllZero(file: File): Boolean = file.inputStream().buffered().use { sound ->
            sound.skip(HEADER_BYTES)
            generateSequence { sound.read().takeIf { it >= 0 } }.all { it == 0 }
        }

        private fun sha256(file: File): String {
            val hash = MessageDigest.getInstance("SHA-256")
            val buffer = ByteArray(64 * 1024)
            file.inputStream().use { from ->
                while (true) {
                    val read = from.read(buffer)
                    if (read < 0) break
                    hash.update(buffer, 0, read)
                }
            }
            return hash.digest().joinToString("") { "%02x".format(it) }
        }
    }
}
