package org.mirrordna.android

import android.content.Context
import android.content.Intent
import android.media.AudioFormat
import android.os.Build
import android.os.Bundle
import android.os.ParcelFileDescriptor
import android.speech.RecognitionListener
import android.speech.RecognitionSupport
import android.speech.RecognitionSupportCallback
import android.speech.RecognizerIntent
import android.speech.SpeechRecognizer
import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import kotlin.concurrent.thread
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import org.mirrordna.core.Heard
import org.mirrordna.core.Recogniser
import org.mirrordna.core.WavWriter

/**
 * The system's recogniser on the device. It takes a recording since Android 13; before that it hears only the live microphone,
 * which the recording needs: there it says that it knows no language, and other devices transcribe.
 */
class PhoneRecogniser(private val context: Context) : Recogniser {
    override val model = "android-on-device/${Build.VERSION.SDK_INT}"

    override suspend fun languages(): Set<String> {
        val can = Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU && SpeechRecognizer.isOnDeviceRecognitionAvailable(context)
        if (!can) return emptySet()
        val answer = CompletableDeferred<Set<String>>()
        return with { recogniser ->
            recogniser.checkRecognitionSupport(asked(null), context.mainExecutor, object : RecognitionSupportCallback {
                override fun onSupportResult(support: RecognitionSupport) {
                    answer.complete(support.installedOnDeviceLanguages.toSet())
                }

                override fun onError(error: Int) {
                    answer.complete(emptySet())
                }
            })
            withTimeout(ANSWER_MS) { answer.await() }
        }
    }

    override suspend fun hear(wav: File, language: String): List<Heard> {
        val (read, write) = ParcelFileDescriptor.createPipe()
        // Through a pipe: the recogniser is another app, which may not open our files.
        thread(name = "to the recogniser") { pour(wav, write) }
        val end = CompletableDeferred<List<Heard>>()
        return read.use {
            with { recogniser ->
                recogniser.setRecognitionListener(Listening(end))
                recogniser.startListening(asked(language).putExtra(RecognizerIntent.EXTRA_AUDIO_SOURCE, read))
                // A recogniser that hangs is slower than the sound itself, and then some.
                withTimeout(ANSWER_MS + (WavWriter.durationMs(wav) ?: 0)) { end.await() }
            }
        }
    }

    private fun pour(wav: File, write: ParcelFileDescriptor) {
        try {
            write.use {
                wav.inputStream().use { from ->
                    from.skip(WavWriter.HEADER_BYTES)
                    from.copyTo(FileOutputStream(write.fileDescriptor))
                }
            }
        } catch (_: IOException) {
            // It hung up; what it heard, or why not, comes to the listener.
        }
    }

    private fun asked(language: String?) = Intent(RecognizerIntent.ACTION_RECOGNIZE_SPEECH).apply {
        putExtra(RecognizerIntent.EXTRA_LANGUAGE_MODEL, RecognizerIntent.LANGUAGE_MODEL_FREE_FORM)
        putExtra(RecognizerIntent.EXTRA_AUDIO_SOURCE_ENCODING, AudioFormat.ENCODING_PCM_16BIT)
        putExtra(RecognizerIntent.EXTRA_AUDIO_SOURCE_SAMPLING_RATE, PhoneMicrophone.RATE)
        putExtra(RecognizerIntent.EXTRA_AUDIO_SOURCE_CHANNEL_COUNT, 1)
        // Segments until the sound ends, instead of the first sentence.
        putExtra(RecognizerIntent.EXTRA_SEGMENTED_SESSION, RecognizerIntent.EXTRA_AUDIO_SOURCE)
        language?.let { putExtra(RecognizerIntent.EXTRA_LANGUAGE, it) }
    }

    /** A recogniser is made, used and destroyed on the main thread. */
    private suspend fun <T> with(use: suspend (SpeechRecognizer) -> T): T = withContext(MainThread) {
        val recogniser = SpeechRecognizer.createOnDeviceSpeechRecognizer(context)
        try {
            use(recogniser)
        } finally {
            recogniser.destroy()
        }
    }

    /** Gathers the segments. */
    private class Listening(private val end: CompletableDeferred<List<Heard>>) : RecognitionListener {
        private val heard = mutableListOf<Heard>()

        override fun onSegmentResults(results: Bundle) {
            take(results)
        }

        override fun onEndOfSegmentedSession() {
            end.complete(heard)
        }

        /** From a recogniser that knows no segments. */
        override fun onResults(results: Bundle) {
            take(results)
            end.complete(heard)
        }

        override fun onError(error: Int) {
            val silence = error == SpeechRecognizer.ERROR_NO_MATCH || error == SpeechRecognizer.ERROR_SPEECH_TIMEOUT
            if (silence) end.complete(heard) else end.completeExceptionally(IOException("the recogniser gave up ($error)"))
        }

        private fun take(results: Bundle) {
            results.getStringArrayList(SpeechRecognizer.RESULTS_RECOGNITION)?.firstOrNull()?.let { heard += Heard(it) }
        }

        override fun onReadyForSpeech(params: Bundle?) = Unit

        override fun onBeginningOfSpeech() = Unit

        override fun onRmsChanged(loudness: Float) = Unit

        override fun onBufferReceived(buffer: ByteArray?) = Unit

        override fun onEndOfSpeech() = Unit

        override fun onPartialResults(results: Bundle?) = Unit

        override fun onEvent(type: Int, params: Bundle?) = Unit
    }

    private companion object {
        const val ANSWER_MS = 30_000L
    }
}
