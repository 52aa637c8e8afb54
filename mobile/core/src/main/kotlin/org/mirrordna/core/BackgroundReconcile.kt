package org.mirrordna.core

import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import java.nio.channels.FileChannel
import java.nio.file.Files
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardOpenOption.READ
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicReference
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.sync.Mutex
import org.mirrordna.ffi.Cancel
import org.mirrordna.ffi.Mirror
import org.mirrordna.ffi.MirrorException
import org.mirrordna.ffi.Peer
import org.mirrordna.ffi.Progress
import org.mirrordna.ffi.Progressing
import org.mirrordna.ffi.ReconcileReport

/** What the phone can spare now. */
fun interface Power {
    fun means(): Means
}

/** What came of a wake-up. */
sealed interface Woke {
    /** It reconciled. [again] says when to wake next. */
    data class Reconciled(val report: ReconcileReport, val again: Long) : Woke

    /** It did not, for this reason. */
    data class Waited(val later: Go.Later) : Woke

    /** It could not, or was stopped; what had arrived is kept, and the next one goes on from there. */
    data class Failed(val trouble: Trouble, val again: Long) : Woke

    /** Another one runs. */
    data object Running : Woke
}

/**
 * Reconciles when the phone can spare it. What it needs to remember lies in one small file, so that a wake-up after the end of
 * the process goes on where the last one was; the reconcile itself goes on by the node's own checkpoints.
 */
class BackgroundReconcile(
    private val home: Home,
    private val power: Power,
    private val notifier: Notifier,
    private val clock: Clock,
    private val file: File,
) {
    private val running = Mutex()
    private val cancel = AtomicReference<Cancel>()

    /** Wakes up for a reason. */
    suspend fun wake(cause: Cause): Woke {
        if (!running.tryLock()) return Woke.Running
        val stopping = Cancel().also(cancel::set)
        try {
            val mirror = home.mirror()
            val attempts = read()
            val before = mirror.status()
            val go = ReconcilePolicy.decide(cause, nowMs(), power.means(), attempts, before.unreconciled.toInt())
            if (go is Go.Later) return Woke.Waited(go)
            return reconcile(mirror, attempts, before.conflicts.toInt(), stopping)
        } catch (error: Exception) {
            // Coroutines end by exceptions too; those are not ours to tell.
            if (error is CancellationException) throw error
            return Woke.Failed(troubleOf(error), ReconcilePolicy.PERIOD_MS)
        } finally {
            cancel.set(null)
            running.unlock()
        }
    }

    /** Stops what runs: the system takes its time back, or the person does. It is not closed, since this may come at any time. */
    fun stop() {
        cancel.get()?.cancel()
    }

    private suspend fun reconcile(mirror: Mirror, attempts: Attempts, conflicts: Int, stopping: Cancel): Woke {
        // A process that dies in here counts as a failure, so that a crash backs off too.
        val begun = attempts.copy(last = nowMs(), failures = attempts.failures + 1)
        write(begun)
        val news = News()
        try {
            val report = mirror.reconcile(Peer.All, stopping, news)
            val done = report.peers.isEmpty() || report.peers.any { it.ok }
            val after = if (done) begun.copy(succeeded = nowMs(), failures = 0) else begun
            write(after)
            noticesOf(report.peers, news.notes(), conflicts, report.conflicts.toInt()).forEach(notifier::show)
            return Woke.Reconciled(report, again(after))
        } catch (error: MirrorException) {
            return Woke.Failed(troubleOf(error), again(begun))
        }
    }

    private fun again(attempts: Attempts): Long =
        if (attempts.failures == 0) ReconcilePolicy.PERIOD_MS else ReconcilePolicy.backOffMs(attempts.failures, power.means())

    private fun nowMs(): Long = clock.now().toInstant().toEpochMilli()

    /** Three numbers; a file that is not that is as none. */
    private fun read(): Attempts {
        val numbers = try {
            file.readText().trim().split(' ').map(String::toLong)
        } catch (_: IOException) {
            return Attempts()
        } catch (_: NumberFormatException) {
            return Attempts()
        }
        if (numbers.size != 3) return Attempts()
        return Attempts(numbers[0], numbers[1], numbers[2].coerceIn(0, Int.MAX_VALUE - 1L).toInt())
    }

    private fun write(attempts: Attempts) {
        val folder = file.absoluteFile.parentFile
        folder.mkdirs()
        val next = File(folder, "${file.name}.next")
        FileOutputStream(next).use {
            it.write("${attempts.last} ${attempts.succeeded} ${attempts.failures}\n".toByteArray())
            it.fd.sync()
        }
        Files.move(next.toPath(), file.toPath(), ATOMIC_MOVE)
        FileChannel.open(folder.toPath(), READ).use { it.force(true) }
    }

    /** Counts new notes by peer: each report holds the sum so far. */
    private class News : Progressing {
        private val byPeer = ConcurrentHashMap<String, Int>()

        override fun moved(progress: Progress) {
            byPeer.merge(progress.device, progress.notes.toInt(), Math::max)
        }

        fun notes(): Int = byPeer.values.sum()
    }
}
