package org.mirrordna.core

import java.io.File
import java.nio.file.Files
import java.time.OffsetDateTime
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.mirrordna.ffi.Cancel
import org.mirrordna.ffi.Capture
import org.mirrordna.ffi.CaptureFile
import org.mirrordna.ffi.Captured
import org.mirrordna.ffi.Code
import org.mirrordna.ffi.Mirror
import org.mirrordna.ffi.MirrorException
import org.mirrordna.ffi.Note
import org.mirrordna.ffi.Peer
import org.mirrordna.ffi.Progressing
import org.mirrordna.ffi.Query
import org.mirrordna.ffi.Role
import org.mirrordna.ffi.ReconcileReport
import org.mirrordna.ffi.Served

/** A folder of its own for each test, removed at the end. */
fun inFolder(test: suspend (File) -> Unit) = runBlocking<Unit> {
    val folder = Files.createTempDirectory("mirror-kotlin").toFile()
    try {
        test(folder)
    } finally {
        folder.deleteRecursively()
    }
}

/** A device that founded a mesh of its own. */
fun File.device(name: String): Mirror = Mirror.init(File(this, name).path, name, Role.ANCHOR)

/** Its home, as the app has it. */
fun File.home(name: String): Home = Home(File(this, name))

/** Two devices of one mesh: a Mac that is served, and a Pixel that joined it by ticket. */
class Pair(val mac: Mirror, val pixel: Mirror, val serving: Served) {
    suspend fun reconcile(progress: Progressing? = null): ReconcileReport = pixel.reconcileWith(Peer.All, progress)
}

suspend fun File.pair(test: suspend (Pair) -> Unit) {
    val mac = device("Mac")
    val serving = mac.serve("127.0.0.1:0")
    try {
        val ticket = mac.invite(Role.CAPTURE).ticket
        val pixel = Mirror.join(File(this, "Pixel").path, ticket, "Pixel")
        test(Pair(mac, pixel, serving))
    } finally {
        serving.stop()
    }
}

fun Mirror.write(text: String, vararg tags: String): Captured =
    capture(Capture(text, tags.toList(), at = null, files = emptyList(), draft = false))

fun Mirror.noteWith(text: String, vararg files: File): Captured =
    capture(Capture(text, emptyList(), null, files.map { CaptureFile(it.path, audio = it.name.endsWith(".wav")) }, false))

fun Mirror.page(limit: Int = 500, cursor: String? = null, tag: String? = null) =
    notes(Query(since = null, tag = tag, device = null, limit = limit.toUInt(), cursor = cursor, archived = false))

fun Mirror.texts(): List<String> = page().notes.map(Note::text)

suspend fun Mirror.reconcileWith(peer: Peer, progress: Progressing? = null): ReconcileReport =
    Cancel().use { reconcile(peer, it, progress) }

/** The error that a block ends with. */
inline fun failure(block: () -> Unit): MirrorException.Failed = try {
    block()
    throw AssertionError("it did not fail")
} catch (failed: MirrorException.Failed) {
    failed
}

fun MirrorException.Failed.isTold(code: Code, vararg words: String) {
    check(this.code == code) { "expected $code, found ${this.code}: $detail" }
    for (word in words) check(word in "$detail $hint") { "no $word in: $detail; $hint" }
}

/** Waits for what comes soon. */
suspend fun eventually(what: String, holds: suspend () -> Boolean) {
    withTimeout(20_000) {
        while (!holds()) delay(20)
    }
    check(holds()) { what }
}

/** The real command, in a process of its own. */
fun mirror(home: File, vararg args: String): String {
    val command = System.getProperty("mirror.command")
    val process = ProcessBuilder(listOf(command, "--home", home.path) + args).redirectErrorStream(true).start()
    val output = process.inputStream.bufferedReader().readText()
    check(process.waitFor() == 0) { "mirror ${args.toList()}: $output" }
    return output
}

/** A JVM of its own that runs a `main` of these tests. */
fun jvm(main: String, vararg args: String, options: List<String> = emptyList()): Process {
    val java = File(System.getProperty("java.home"), "bin/java").path
    val library = "-Djna.library.path=${System.getProperty("jna.library.path")}"
    val run = listOf(java) + options + listOf(library, "-cp", System.getProperty("java.class.path"), main) + args
    return ProcessBuilder(run).redirectError(ProcessBuilder.Redirect.INHERIT).start()
}

/** Ends it as the system ends an app: at once, and without asking. */
fun Process.kill() {
    destroyForcibly()
    check(waitFor(20, TimeUnit.SECONDS)) { "it lives on" }
}

/** A clock that a test sets. */
class SetClock(var at: OffsetDateTime = OffsetDateTime.parse("2026-11-24T09:30:00+05:30")) : Clock {
    override fun now(): OffsetDateTime = at
}

/** Keeps what was shown. */
class Shown : Notifier {
    val notices = CopyOnWriteArrayList<Notice>()

    override fun show(notice: Notice) {
        notices += notice
    }
}
