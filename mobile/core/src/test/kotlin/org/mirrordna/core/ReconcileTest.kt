package org.mirrordna.core

import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertTrue
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import org.mirrordna.ffi.Code

private const val MINUTE = 60_000L

/** When the phone reconciles by itself, and that it then does. */
class ReconcileTest {
    private val now = 1_800_000_000_000L

    private fun decide(cause: Cause, means: Means = wellFed, attempts: Attempts = Attempts(), waiting: Int = 0) =
        ReconcilePolicy.decide(cause, now, means, attempts, waiting)

    private fun why(go: Go) = assertIs<Go.Later>(go).why

    @Test
    fun `a phone that can spare it reconciles`() {
        for (cause in Cause.entries) assertEquals(Go.Now, decide(cause, waiting = 1))
    }

    @Test
    fun `without a network nothing is tried`() {
        for (cause in Cause.entries) assertEquals(Why.OFFLINE, why(decide(cause, wellFed.copy(connected = false))))
    }

    @Test
    fun `who looks at the app is served on a low battery, on a metered network, and while backing off`() {
        val poor = Means(connected = true, metered = true, charging = false, batteryPercent = 3, saving = true)
        assertEquals(Go.Now, decide(Cause.OPENED, poor, Attempts(last = now - 1000, failures = 5)))
    }

    @Test
    fun `power is saved when the person asks for it or little is left, unless the phone is charging`() {
        val saving = wellFed.copy(charging = false, saving = true)
        assertEquals(Why.SAVING, why(decide(Cause.PERIODIC, saving, waiting = 1)))
        val low = wellFed.copy(charging = false, batteryPercent = 14)
        assertEquals(Why.BATTERY_LOW, why(decide(Cause.CAPTURED, low, waiting = 1)))
        assertEquals(Go.Now, decide(Cause.CAPTURED, low.copy(batteryPercent = 15), waiting = 1))
        assertEquals(Go.Now, decide(Cause.PERIODIC, saving.copy(charging = true), waiting = 1))
    }

    @Test
    fun `a metered network carries what was captured and no look for news`() {
        val metered = wellFed.copy(metered = true)
        assertEquals(Why.METERED, why(decide(Cause.PERIODIC, metered)))
        assertEquals(Go.Now, decide(Cause.CAPTURED, metered, waiting = 1))
    }

    @Test
    fun `a mesh that does not answer is left alone for longer each time, up to six hours`() {
        val waits = (1..12).map { ReconcilePolicy.backOffMs(it, wellFed) / MINUTE }
        assertEquals(listOf(1L, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360), waits)
        assertEquals(360 * MINUTE, ReconcilePolicy.backOffMs(Int.MAX_VALUE, wellFed))
        assertEquals(8 * MINUTE, ReconcilePolicy.backOffMs(3, wellFed.copy(charging = false, batteryPercent = 49)))

        val failed = Attempts(last = now - 3 * MINUTE, failures = 3)
        assertEquals(Go.Later(MINUTE, Why.BACKING_OFF), decide(Cause.PERIODIC, attempts = failed))
        assertEquals(Go.Now, decide(Cause.PERIODIC, attempts = failed.copy(last = now - 4 * MINUTE)))
    }

    @Test
    fun `what was just done is not done again, unless there is something new`() {
        val done = Attempts(last = now - 1000, succeeded = now - 1000)
        assertEquals(Why.JUST_DONE, why(decide(Cause.OPENED, attempts = done)))
        assertEquals(Go.Now, decide(Cause.CAPTURED, attempts = done, waiting = 1))
    }

    @Test
    fun `a clock that was set back does not stop it`() {
        val future = Attempts(last = now + 1000 * MINUTE, succeeded = now + 1000 * MINUTE, failures = 4)
        assertEquals(Go.Now, decide(Cause.PERIODIC, attempts = future))
    }

    private fun File.background(shown: Shown, clock: Clock = SetClock(), means: Means = wellFed) =
        BackgroundReconcile(home("Pixel"), { means }, shown, clock, File(this, "attempts"))

    @Test
    fun `what came in the background is told once, by name and number`() = inFolder { folder ->
        folder.pair { mesh ->
            val shown = Shown()
            val clock = SetClock()
            val background = folder.background(shown, clock)
            mesh.mac.write("one")
            mesh.mac.write("two")
            val woke = assertIs<Woke.Reconciled>(background.wake(Cause.PERIODIC))
            assertEquals(ReconcilePolicy.PERIOD_MS, woke.again)
            assertEquals(listOf<Notice>(Notice.Arrived(2, listOf("Mac"))), shown.notices.toList())
            assertEquals(2, mesh.pixel.texts().size)

            assertEquals(Why.JUST_DONE, assertIs<Woke.Waited>(background.wake(Cause.PERIODIC)).later.why)
            clock.at = clock.at.plusHours(1)
            assertIs<Woke.Reconciled>(background.wake(Cause.PERIODIC))
            assertEquals(1, shown.notices.size)
        }
    }

    @Test
    fun `a conflict that came is told`() = inFolder { folder ->
        folder.pair { mesh ->
            val note = mesh.mac.write("tea").note
            mesh.reconcile()
            mesh.mac.edit(note, null, "green tea")
            mesh.pixel.edit(note, null, "black tea")
            val shown = Shown()
            folder.background(shown).wake(Cause.CAPTURED)
            assertEquals(listOf<Notice>(Notice.Conflicts(1)), shown.notices.toList())
        }
    }

    @Test
    fun `failures are remembered by the next process, and one success forgets them`() = inFolder { folder ->
        folder.pair { mesh ->
            val address = mesh.serving.addresses().first()
            mesh.serving.stop()
            val clock = SetClock()
            val failed = assertIs<Woke.Reconciled>(folder.background(Shown(), clock).wake(Cause.PERIODIC))
            assertFalse(failed.report.peers.single().ok)
            assertEquals(MINUTE, failed.again)

            val next = folder.background(Shown(), clock)
            assertEquals(Why.BACKING_OFF, assertIs<Woke.Waited>(next.wake(Cause.PERIODIC)).later.why)
            clock.at = clock.at.plusMinutes(1)
            assertEquals(2 * MINUTE, assertIs<Woke.Reconciled>(next.wake(Cause.PERIODIC)).again)

            val serving = mesh.mac.serve(address)
            val opened = assertIs<Woke.Reconciled>(next.wake(Cause.OPENED))
            assertTrue(opened.report.peers.single().ok, "${opened.report}")
            assertEquals(ReconcilePolicy.PERIOD_MS, opened.again)
            serving.stop()
        }
    }

    @Test
    fun `only one runs at a time, and the system can stop it`() = inFolder { folder ->
        folder.pair { mesh ->
            repeat(300) { mesh.mac.write("note $it " + "x".repeat(4000)) }
            val background = folder.background(Shown())
            coroutineScope {
                val first = async(Dispatchers.IO) { background.wake(Cause.OPENED) }
                eventually("it runs") { mesh.pixel.page().total > 0u || background.wake(Cause.OPENED) == Woke.Running || first.isCompleted }
                background.stop()
                val ended = first.await()
                assertTrue(ended is Woke.Failed || ended is Woke.Reconciled, "$ended")
                if (ended is Woke.Failed) assertEquals(Code.CANCELLED, ended.trouble.code)
            }
            eventually("the next one completes it") { background.wake(Cause.OPENED) !is Woke.Failed && mesh.pixel.page().total == 300u }
        }
    }

    @Test
    fun `a device that is not paired is told so and changes nothing`() = inFolder { folder ->
        val woke = folder.background(Shown()).wake(Cause.PERIODIC)
        assertEquals(Code.NOT_INITIALISED, assertIs<Woke.Failed>(woke).trouble.code)
        assertTrue(folder.list().orEmpty().isEmpty(), "${folder.list()?.toList()}")
    }

    @Test
    fun `a file of attempts that is damaged is as none`() = inFolder { folder ->
        folder.pair { mesh ->
            mesh.mac.write("one")
            for (damage in listOf("", "1 2", "x y z", "99999999999999999999 1 1", "1 1 -5 ", "\u0000".repeat(40))) {
                File(folder, "attempts").writeText(damage)
                assertIs<Woke.Reconciled>(folder.background(Shown()).wake(Cause.OPENED), damage)
            }
        }
    }

    @Test
    fun `killed at any moment of a wake-up, the next process reads what was written last`() = inFolder { folder ->
        folder.pair { mesh ->
            mesh.serving.stop()
            mesh.pixel.write("waits")
            var failures = 0L
            repeat(2) { round ->
                val app = jvm("org.mirrordna.core.Killed", "wake", folder.path)
                val tried = app.inputStream.bufferedReader().lineSequence().filter { it == "Reconciled" }
                val said = tried.take(1 + round).count()
                Thread.sleep(round * 3L)
                app.kill()
                val now = File(folder, "attempts").readText().trim().split(' ').last().toLong()
                assertTrue(now >= failures + said, "$now after $failures and $said more")
                failures = now
            }
        }
    }
}
