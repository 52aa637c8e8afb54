package org.mirrordna.core

import java.io.File
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import org.mirrordna.ffi.Attachment
import org.mirrordna.ffi.BlobState
import org.mirrordna.ffi.Mirror
import org.mirrordna.ffi.Note
import org.mirrordna.ffi.Query

/** The phone's own recogniser; nothing leaves the phone. */
interface Recogniser {
    /** Who heard it, so that a better engine can replace what it heard. */
    val model: String

    /** The languages that it knows without a network, as BCP 47 tags; empty where the phone has no recogniser. */
    suspend fun languages(): Set<String>

    /** What is said in a WAV file of 16-bit samples; nothing, when nothing is. Fails when the recogniser does. */
    suspend fun hear(wav: File, language: String): List<Heard>
}

/** A stretch of speech. */
data class Heard(val text: String)

/** What a recogniser made of a recording: derived from it, and never in its place. */
data class Transcript(val note: String, val audio: String, val heard: List<Heard>, val language: String, val model: String)

/** Where transcripts are kept: the core. */
interface Transcripts {
    /** Whether a recording, by the hash of its content, has one, by whatever engine. */
    fun has(mirror: Mirror, note: String, audio: String): Boolean

    /** A recording as a WAV file, of 16-bit samples of one channel; null when it can't be had as that. */
    fun wav(mirror: Mirror, audio: Attachment): File? = if (audio.media == "audio/wav") File(mirror.attachmentPath(audio.blob)) else null

    /** Keeps one beside the recording; durable when it returns. */
    fun keep(mirror: Mirror, transcript: Transcript)
}

/** Whether a recording is to be heard here. */
sealed interface Choice {
    data class Hear(val language: String) : Choice

    /** Another device may. */
    data class Leave(val why: Silent) : Choice
}

/** Why not. */
enum class Silent { NO_RECOGNISER, NO_LANGUAGE, TOO_LONG, SAVING_POWER }

/** Decides; pure. [wanted] are the person's languages, the likeliest first. */
fun choose(durationMs: Long, wanted: List<String>, known: Set<String>, means: Means): Choice {
    if (known.isEmpty()) return Choice.Leave(Silent.NO_RECOGNISER)
    val language = wanted.firstNotNullOfOrNull { closest(it, known) } ?: return Choice.Leave(Silent.NO_LANGUAGE)
    return when {
        means.saving && !means.charging -> Choice.Leave(Silent.SAVING_POWER)
        durationMs > LONGEST_MS && !means.charging -> Choice.Leave(Silent.TOO_LONG)
        else -> Choice.Hear(language)
    }
}

/** The very variant, or else another of the same language: "en-GB" is understood as "en-US". */
private fun closest(tag: String, known: Set<String>): String? =
    known.find { it.equals(tag, ignoreCase = true) } ?: known.sorted().find { primary(it) == primary(tag) }

private fun primary(tag: String) = tag.substringBefore('-').substringBefore('_').lowercase()

private const val LONGEST_MS = 10 * 60 * 1000L

/**
 * Gives this phone's recordings their transcripts, as far as the phone can. A recording is a note, durable and whole, before
 * this looks at it; what is left out, or ends in the middle, is found again by the next [catchUp], here or on another device.
 */
class Transcriber(
    private val home: Home,
    private val recogniser: Recogniser,
    private val transcripts: Transcripts,
    private val power: Power,
    private val wanted: () -> List<String>,
) {
    private val one = Mutex()

    /** Tried since the process began: what failed once is not tried in a circle. */
    private val tried = mutableSetOf<String>()

    /** Hears what has no transcript yet, newest first. Gives how many it made. */
    suspend fun catchUp(): Int = one.withLock {
        val known = recogniser.languages()
        if (known.isEmpty()) return 0
        val mirror = home.mirror()
        recordings(mirror).count { (note, audio) -> transcribe(mirror, note, audio, known) }
    }

    private suspend fun transcribe(mirror: Mirror, note: Note, audio: Attachment, known: Set<String>): Boolean {
        if (audio.blob in tried || transcripts.has(mirror, note.note, audio.blob)) return false
        val wav = transcripts.wav(mirror, audio) ?: return false
        val durationMs = WavWriter.durationMs(wav) ?: return false
        val choice = choose(durationMs, wanted(), known, power.means())
        if (choice !is Choice.Hear) return false
        tried += audio.blob
        return try {
            val heard = recogniser.hear(wav, choice.language).filter { it.text.isNotBlank() }
            if (heard.isEmpty()) return false
            transcripts.keep(mirror, Transcript(note.note, audio.blob, heard, choice.language, recogniser.model))
            true
        } catch (stopped: CancellationException) {
            tried -= audio.blob
            throw stopped
        } catch (_: Exception) {
            // The sound is safe; another device, or another start, hears it.
            false
        }
    }

    /** The newest recordings of this device that are here. */
    private fun recordings(mirror: Mirror): List<Pair<Note, Attachment>> {
        val me = mirror.status().identity?.device ?: return emptyList()
        val page = mirror.notes(Query(since = null, tag = Recordings.VOICE_TAG, device = me, PAGE, cursor = null, archived = false))
        return page.notes.flatMap { note -> note.attachments.filter(::isHeard).map { note to it } }
    }

    private fun isHeard(audio: Attachment) = audio.state == BlobState.PRESENT && audio.media.startsWith("audio/")

    private companion object {
        const val PAGE = 20u
    }
}
