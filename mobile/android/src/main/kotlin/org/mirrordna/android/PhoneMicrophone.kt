package org.mirrordna.android

import android.media.AudioFormat
import android.media.AudioRecord
import android.media.MediaRecorder
import java.io.IOException
import org.mirrordna.core.Microphone

/** The phone's microphone, with as little processing as the system allows. */
class PhoneMicrophone : Microphone {
    override val rate = RATE
    private var record: AudioRecord? = null

    override fun open() {
        release()
        val least = AudioRecord.getMinBufferSize(rate, AudioFormat.CHANNEL_IN_MONO, AudioFormat.ENCODING_PCM_16BIT)
        val made = AudioRecord(
            MediaRecorder.AudioSource.VOICE_RECOGNITION, rate, AudioFormat.CHANNEL_IN_MONO, AudioFormat.ENCODING_PCM_16BIT,
            // A second of sound, so that a slow disk loses none.
            maxOf(least, rate * Short.SIZE_BYTES),
        )
        if (made.state != AudioRecord.STATE_INITIALIZED) {
            made.release()
            throw IOException("the system does not give the microphone")
        }
        made.startRecording()
        if (made.recordingState != AudioRecord.RECORDSTATE_RECORDING) {
            made.release()
            throw IOException("another app has the microphone")
        }
        record = made
    }

    override fun read(into: ShortArray): Int {
        val count = record?.read(into, 0, into.size) ?: return 0
        if (count < 0) throw IOException("the microphone gave up ($count)")
        return count
    }

    override fun close() {
        // Ends a read that waits. It is released when nobody reads any more: at the next opening, or at the end.
        record?.stop()
    }

    /** Gives it back to the system; only while nothing is being recorded. */
    fun release() {
        record?.release()
        record = null
    }

    companion object {
        /** Samples a second: all that speech needs. */
        const val RATE = 16_000
    }
}
