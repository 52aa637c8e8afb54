package org.mirrordna.core

import java.io.File
import java.lang.management.ManagementFactory
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.mirrordna.ffi.Cancel
import org.mirrordna.ffi.Mirror

/**
 * Measured by the process's own account of itself, `/proc/self`, in a JVM of its own whose heap is resident from the start:
 * what grows is then what lies outside of it, in Rust and at the seam.
 */
class LeakTest {
    private fun figures(what: String, folder: File): List<Figures> {
        val heap = listOf("-Xms128m", "-Xmx128m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
        val child = jvm("org.mirrordna.core.Leak", what, folder.path, options = heap)
        val figures = child.inputStream.bufferedReader().lineSequence().map { line ->
            val (resident, heapUsed, handles, threads) = line.split(' ').map(String::toLong)
            Figures(resident, heapUsed, handles, threads)
        }.toList()
        assertEquals(0, child.waitFor())
        println("$what: $figures")
        return figures
    }

    private fun staysWithin(mostKb: Long, figures: List<Figures>) {
        val (before, after) = figures.first() to figures.last()
        assertTrue(after.residentKb - before.residentKb < mostKb, "outside of the heap: $figures")
        assertTrue(after.heapKb - before.heapKb < HEAP_KB, "in the heap: $figures")
        assertTrue(after.handles <= before.handles + 2, "handles: $figures")
        assertTrue(after.threads <= before.threads + 2, "threads: $figures")
    }

    @Test
    fun `ten thousand captures leave no memory, handle or thread behind`() = inFolder { folder ->
        folder.device("Pixel").close()
        val figures = figures("captures", File(folder, "Pixel"))
        // 40 MB of text cross the seam.
        staysWithin(mostKb = 10 * 1024, figures)
        assertEquals(11_000u, folder.home("Pixel").mirror().page(limit = 1).total)
    }

    @Test
    fun `objects that are closed, and objects that are forgotten, are freed`() = inFolder { folder ->
        folder.device("Pixel").close()
        staysWithin(mostKb = 10 * 1024, figures("objects", File(folder, "Pixel")))
    }

    private data class Figures(val residentKb: Long, val heapKb: Long, val handles: Long, val threads: Long)

    private companion object {
        const val HEAP_KB = 4 * 1024
    }
}

/** What the JVM that is measured does. */
object Leak {
    @JvmStatic
    fun main(args: Array<String>) {
        val home = args[1]
        if (args[0] == "captures") captures(home) else objects(home)
        System.out.flush()
    }

    private fun captures(home: String) {
        val text = "x".repeat(4000)
        val pixel = Mirror.open(home)
        repeat(1000) { pixel.write("warm $it $text") }
        figures()
        repeat(4) { part ->
            repeat(2500) { pixel.write("$part $it $text") }
            figures()
        }
    }

    private fun objects(home: String) {
        repeat(6) { part ->
            repeat(10_000) { at ->
                Mirror.open(home).also { if (at % 2 == 0) it.close() }
                Cancel().also { if (at % 2 == 0) it.close() }
            }
            // The first is to warm up.
            if (part > 0) figures()
        }
    }

    private fun figures() {
        // What Java's collector and its cleaner have not come to yet is no leak.
        repeat(5) {
            System.gc()
            Thread.sleep(100)
        }
        val resident = File("/proc/self/status").readLines().first { it.startsWith("VmRSS") }.filter(Char::isDigit)
        val heap = ManagementFactory.getMemoryMXBean().heapMemoryUsage.used / 1024
        val handles = File("/proc/self/fd").list().orEmpty().size
        val threads = File("/proc/self/task").list().orEmpty().size
        println("$resident $heap $handles $threads")
    }
}
