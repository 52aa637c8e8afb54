package org.mirrordna.core

import java.io.Closeable
import java.io.File
import java.io.IOException
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel

/**
 * A WAV file of one channel of 16-bit samples that is whole after every write, wherever the process ends: samples go
 * behind what the header claims, then the header, in one write, claims them. [repair] claims what a kill left unclaimed.
 */
class WavWriter(file: File, private val rate: Int) : Closeable {
    private val channel: FileChannel = RandomAccessFile(file, "rw").channel
    @Volatile private var samples = 0L
    private var unsynced = 0L

    /** How long it is. */
    val durationMs: Long get() = samples * 1000 / rate

    init {
        channel.truncate(0)
        claim()
        channel.force(true)
    }

    /** Appends samples; on disk within a second of sound. */
    fun write(sound: ShortArray, count: Int) {
        if ((samples + count) * BYTES > MAX_DATA_BYTES) throw IOException("the recording is as long as a WAV file can be")
        val bytes = ByteBuffer.allocate(count * BYTES).order(ByteOrder.LITTLE_ENDIAN)
        for (at in 0 until count) bytes.putShort(sound[at])
        bytes.flip()
        channel.writeFully(bytes, HEADER_BYTES + samples * BYTES)
        samples += count
        claim()
        unsynced += count
        if (unsynced >= rate) sync()
    }

    /** Makes it durable. */
    fun sync() {
        channel.force(false)
        unsynced = 0
    }

    override fun close() {
        if (!channel.isOpen) return
        sync()
        channel.close()
    }

    private fun claim() {
        channel.writeFully(header(samples * BYTES, rate), 0)
    }

    companion object {
        private const val BYTES = 2
        /** Before the samples. */
        const val HEADER_BYTES = 44L
        private const val MAX_DATA_BYTES = 0xFFFF_FFFFL - HEADER_BYTES

        /**
         * Makes a recording whose process was killed claim every whole sample that it holds. Gives its length in
         * milliseconds, or null when it is no recording of ours, or holds no sound.
         */
        fun repair(file: File): Long? = RandomAccessFile(file, "rw").channel.use { channel ->
            val rate = rateOf(channel) ?: return null
            val samples = (channel.size() - HEADER_BYTES) / BYTES
            if (samples == 0L) return null
            channel.truncate(HEADER_BYTES + samples * BYTES)
            channel.writeFully(header(samples * BYTES, rate), 0)
            channel.force(true)
            samples * 1000 / rate
        }

        /** How long a recording of ours is, or null when it is none. */
        fun durationMs(file: File): Long? = RandomAccessFile(file, "r").channel.use { channel ->
            rateOf(channel)?.let { rate -> (channel.size() - HEADER_BYTES) / BYTES * 1000 / rate }
        }

        /** Samples a second, or null when the header is none that is written here. */
        private fun rateOf(channel: FileChannel): Int? {
            val found = ByteBuffer.allocate(HEADER_BYTES.toInt()).order(ByteOrder.LITTLE_ENDIAN)
            do { val read = channel.read(found, found.position().toLong()) } while (read > 0)
            if (found.hasRemaining()) return null
            val rate = found.getInt(24)
            val same = header(found.getInt(40).toLong() and 0xFFFF_FFFFL, rate)
            return rate.takeIf { it > 0 && found.flip() == same }
        }

        private fun header(dataBytes: Long, rate: Int): ByteBuffer {
            val header = ByteBuffer.allocate(HEADER_BYTES.toInt()).order(ByteOrder.LITTLE_ENDIAN)
            header.put("RIFF".toByteArray()).putInt((HEADER_BYTES - 8 + dataBytes).toInt())
            header.put("WAVEfmt ".toByteArray()).putInt(16).putShort(1).putShort(1)
            header.putInt(rate).putInt(rate * BYTES).putShort(BYTES.toShort()).putShort(16)
            header.put("data".toByteArray()).putInt(dataBytes.toInt()).flip()
            return header
        }
    }
}

private fun FileChannel.writeFully(bytes: ByteBuffer, at: Long) {
    var to = at
    while (bytes.hasRemaining()) to += write(bytes, to)
}
