package org.mirrordna.core

import kotlin.math.max
import kotlin.math.min

/** What asks for a reconcile. */
enum class Cause {
    /** The person opened the app, and looks at it. */
    OPENED,

    /** The system's periodic wake-up. */
    PERIODIC,

    /** Something was captured. */
    CAPTURED,
}

/** What the phone can spare. */
data class Means(
    val connected: Boolean,
    val metered: Boolean,
    val charging: Boolean,
    val batteryPercent: Int,
    /** The person asked the system to save power. */
    val saving: Boolean,
)

/** What the attempts so far came to; kept across the end of the process. Times are the wall clock's, in milliseconds. */
data class Attempts(val last: Long = 0, val succeeded: Long = 0, val failures: Int = 0)

/** Whether to reconcile now. */
sealed interface Go {
    data object Now : Go

    /** Not before this many milliseconds; [why] is shown in the settings. */
    data class Later(val inMs: Long, val why: Why) : Go
}

/** Why not now. */
enum class Why { OFFLINE, SAVING, BATTERY_LOW, METERED, JUST_DONE, BACKING_OFF }

/** Decides, and does nothing. A person who looks at the app outranks all but a missing network. */
object ReconcilePolicy {
    private const val MINUTE_MS = 60_000L
    private const val JUST_MS = MINUTE_MS / 2
    const val PERIOD_MS = 30 * MINUTE_MS
    private const val FIRST_BACK_OFF_MS = MINUTE_MS
    private const val LONGEST_BACK_OFF_MS = 6 * 60 * MINUTE_MS
    private const val LOW_PERCENT = 15
    private const val HALF_PERCENT = 50

    fun decide(cause: Cause, now: Long, means: Means, attempts: Attempts, waiting: Int): Go {
        if (!means.connected) return Go.Later(PERIOD_MS, Why.OFFLINE)
        // A clock that was set back has no attempts in its future.
        val sinceLast = if (attempts.last > now) Long.MAX_VALUE else now - attempts.last
        val sinceDone = if (attempts.succeeded > now) Long.MAX_VALUE else now - attempts.succeeded
        if (attempts.failures == 0 && sinceDone < JUST_MS && waiting == 0) return Go.Later(JUST_MS - sinceDone, Why.JUST_DONE)
        if (cause == Cause.OPENED) return Go.Now

        if (!means.charging) {
            if (means.saving) return Go.Later(PERIOD_MS, Why.SAVING)
            if (means.batteryPercent < LOW_PERCENT) return Go.Later(PERIOD_MS, Why.BATTERY_LOW)
        }
        // What was captured is worth a metered byte; a look for news is not.
        if (means.metered && waiting == 0) return Go.Later(PERIOD_MS, Why.METERED)
        val backOff = backOffMs(attempts.failures, means)
        if (sinceLast < backOff) return Go.Later(backOff - sinceLast, Why.BACKING_OFF)
        return Go.Now
    }

    /** How long to leave a mesh alone that did not answer: twice as long each time, and twice that on half a battery. */
    fun backOffMs(failures: Int, means: Means): Long {
        if (failures == 0) return 0
        val doubled = FIRST_BACK_OFF_MS shl min(max(failures - 1, 0), MOST_DOUBLINGS)
        val tired = !means.charging && means.batteryPercent < HALF_PERCENT
        return min(if (tired) doubled * 2 else doubled, LONGEST_BACK_OFF_MS)
    }

    private const val MOST_DOUBLINGS = 10
}
