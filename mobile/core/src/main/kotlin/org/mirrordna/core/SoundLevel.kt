package org.mirrordna.core

import kotlin.math.abs
import kotlin.math.log10
import kotlin.math.max
import kotlin.math.sqrt

/** What the meter shows: a level from 0 to 1, and whether there is any sound at all. */
data class Level(val loudness: Float, val peak: Float, val mute: Boolean)

/**
 * The level meter. A system that withholds the microphone (a call, another app, the privacy switch) gives samples that are all
 * zero, which no open microphone does: after [MUTE_MS] of them it says so.
 */
class SoundLevel(private val rate: Int) {
    private var zeros = 0L
    private var heard = false

    /** Whether nothing but zeros ever came. */
    val neverHeard: Boolean get() = !heard

    /** Takes samples and gives the level to show. */
    fun take(sound: ShortArray, count: Int): Level {
        var peak = 0
        var squares = 0.0
        for (at in 0 until count) {
            val sample = abs(sound[at].toInt())
            peak = max(peak, sample)
            squares += sample.toDouble() * sample
            if (sample == 0) zeros++ else { zeros = 0; heard = true }
        }
        val mean = if (count == 0) 0.0 else sqrt(squares / count)
        return Level(loudness(mean), peak / FULL, mute = zeros * 1000 >= MUTE_MS * rate)
    }

    /** From -60 dB, the floor of a quiet room, to full scale. */
    private fun loudness(mean: Double): Float =
        if (mean < 1) 0f else (1 + 20 * log10(mean / FULL) / FLOOR_DB).coerceIn(0.0, 1.0).toFloat()

    private companion object {
        const val MUTE_MS = 1000L
        const val FULL = 32768f
        const val FLOOR_DB = 60
    }
}
