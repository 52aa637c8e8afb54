package org.mirrordna.core

import java.io.File
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import org.mirrordna.ffi.BlobState
import org.mirrordna.ffi.Cancel
import org.mirrordna.ffi.Code
import org.mirrordna.ffi.Mirror
import org.mirrordna.ffi.Peer
import org.mirrordna.ffi.Phase
import org.mirrordna.ffi.Progress
import org.mirrordna.ffi.Progressing
import org.mirrordna.ffi.Role
import org.mirrordna.ffi.SyncState
import org.mirrordna.ffi.Take
import org.mirrordna.ffi.isInitialised
import org.mirrordna.ffi.readTicket

/** Two nodes in one process, over real QUIC. */
class MeshTest {
    @Test
    fun `a device joins by ticket after both screens showed the same digits`() = inFolder { folder ->
        val mac = folder.device("Mac")
        val serving = mac.serve("127.0.0.1:0")
        val invite = mac.invite(Role.CAPTURE)
        assertEquals(invite.digits, readTicket(invite.ticket).digits)
        assertEquals(invite.expires, PairingLink.read(PairingLink.of(invite.ticket)).facts.expires)

        val home = folder.home("Pixel")
        assertFalse(home.isPaired())
        val pixel = home.join(invite.ticket, "Pixel")
        assertTrue(home.isPaired())
        assertEquals(mac.status().identity?.mesh, pixel.status().identity?.mesh)
        assertEquals(Role.CAPTURE, pixel.status().identity?.role)
        assertEquals(setOf("Mac", "Pixel"), mac.devices().map { it.name }.toSet())

        failure { Mirror.join(File(folder, "Thief").path, invite.ticket, "Thief") }.isTold(Code.REFUSED)
        assertFalse(isInitialised(File(folder, "Thief").path))
        serving.stop()
    }

    @Test
    fun `a reconcile moves notes both ways, tells how far it is, and ends with one head`() = inFolder { folder ->
        folder.pair { mesh ->
            mesh.mac.write("from the Mac")
            mesh.pixel.write("from the Pixel")
            val steps = CopyOnWriteArrayList<Progress>()
            val report = mesh.reconcile(object : Progressing {
                override fun moved(progress: Progress) {
                    steps += progress
                }
            })

            val peer = report.peers.single()
            assertNull(peer.error)
            assertTrue(peer.ok && peer.committed, "$peer")
            assertEquals("Mac", peer.name)
            assertEquals(mesh.mac.texts().toSet(), mesh.pixel.texts().toSet())
            assertEquals(setOf("from the Mac", "from the Pixel"), mesh.pixel.texts().toSet())
            assertEquals(mesh.mac.status().head, report.head)
            assertEquals(SyncState.SYNCED, mesh.pixel.status().state)
            // All of it was told before the report came.
            assertEquals(Phase.DONE, steps.last().phase)
            assertEquals(1u, steps.last().notes)
            assertTrue(steps.any { it.phase == Phase.CONNECTING }, "$steps")
            assertEquals(0u, mesh.reconcile().peers.single().received)
        }
    }

    @Test
    fun `a file travels with its note`() = inFolder { folder ->
        folder.pair { mesh ->
            val sound = File(folder, "memo.wav").apply { writeBytes(ByteArray(600_000) { (it % 251).toByte() }) }
            val note = mesh.mac.noteWith("listen", sound)
            val peer = mesh.reconcile().peers.single()

            assertEquals(1u, peer.blobsReceived)
            val attachment = mesh.pixel.note(note.note).attachments.single()
            assertEquals(BlobState.PRESENT, attachment.state)
            assertContentEquals(sound.readBytes(), File(mesh.pixel.attachmentPath(attachment.blob)).readBytes())
        }
    }

    @Test
    fun `edits on two devices are a conflict on both, and a decision on one ends it on both`() = inFolder { folder ->
        folder.pair { mesh ->
            val note = mesh.mac.write("tea").note
            mesh.reconcile()
            mesh.mac.edit(note, null, "green tea")
            mesh.pixel.edit(note, null, "black tea")
            assertEquals(1u, mesh.reconcile().conflicts)

            val conflict = mesh.pixel.conflicts().single()
            assertEquals("black tea" to "green tea", conflict.ours.text to conflict.theirs.text)
            assertEquals("Mac", conflict.theirs.deviceName)
            mesh.pixel.resolve(note, Take.Theirs, listOf(conflict.ours.id, conflict.theirs.id))
            mesh.reconcile()
            assertTrue(mesh.mac.conflicts().isEmpty())
            assertEquals("green tea", mesh.mac.note(note).text)
        }
    }

    @Test
    fun `a peer that does not answer is told in its report`() = inFolder { folder ->
        folder.pair { mesh ->
            mesh.serving.stop()
            val peer = mesh.reconcile().peers.single()
            assertFalse(peer.ok)
            assertEquals(Code.OFFLINE, peer.error?.code)
            assertNotNull(mesh.pixel.devices().single { it.name == "Mac" }.lastError)
            failure { mesh.pixel.reconcileWith(Peer.Device("Nokia")) }.isTold(Code.NOT_FOUND, "Nokia")
        }
    }

    /** What a reconcile that is stopped at a phase comes to. */
    private suspend fun Pair.stopAt(phase: Phase): Code? {
        val stop = Cancel()
        val progress = object : Progressing {
            override fun moved(progress: Progress) {
                if (progress.phase == phase) stop.cancel()
            }
        }
        val report = runCatching { pixel.reconcile(Peer.All, stop, progress) }
        return report.exceptionOrNull()?.let(::troubleOf)?.code ?: report.getOrThrow().peers.single().error?.code
    }

    @Test
    fun `a reconcile that is cancelled stops, and the next one completes it`() = inFolder { folder ->
        folder.pair { mesh ->
            repeat(150) { mesh.mac.write("note $it " + "x".repeat(20_000)) }
            assertEquals(Code.CANCELLED, mesh.stopAt(Phase.CONNECTING))
            assertEquals(0u, mesh.pixel.page().total)
            assertEquals(Code.CANCELLED, mesh.stopAt(Phase.EXCHANGING))

            assertTrue(mesh.reconcile().peers.single().ok)
            assertEquals(150u, mesh.pixel.page().total)
            mirror(File(folder, "Pixel"), "verify", "--deep")
        }
    }

    @Test
    fun `a coroutine that gives up leaves both homes whole`() = inFolder { folder ->
        folder.pair { mesh ->
            repeat(200) { mesh.mac.write("note $it " + "x".repeat(2000)) }
            coroutineScope {
                lateinit var waiting: kotlinx.coroutines.Deferred<Any>
                val begun = java.util.concurrent.CountDownLatch(1)
                waiting = async(kotlinx.coroutines.Dispatchers.IO) {
                    mesh.reconcile(object : Progressing {
                        override fun moved(progress: Progress) = begun.countDown()
                    })
                }
                begun.await()
                waiting.cancel()
                assertTrue(runCatching { waiting.await() }.exceptionOrNull() is CancellationException)
            }
            eventually("the other side answers again") { mesh.reconcile().peers.single().ok }
            assertEquals(200u, mesh.pixel.page().total)
        }
    }

    @Test
    fun `a bundle carries everything one way`() = inFolder { folder ->
        folder.pair { mesh ->
            val photo = File(folder, "sea.png").apply { writeBytes(ByteArray(5000) { it.toByte() }) }
            mesh.mac.noteWith("by file", photo)
            val bundle = File(folder, "to-pixel.mirror")
            val exported = mesh.mac.exportBundle(bundle.path, "Pixel", null)
            assertEquals(1u, exported.blobs)
            assertEquals(bundle.length(), exported.bytes.toLong())

            val peer = mesh.pixel.reconcileWith(Peer.Bundle(bundle.path)).peers.single()
            assertTrue(peer.ok, "$peer")
            assertEquals("bundle", peer.link)
            assertEquals(listOf("by file"), mesh.pixel.texts())
            assertEquals(BlobState.PRESENT, mesh.pixel.page().notes.single().attachments.single().state)

            val bytes = bundle.readBytes().also { it[it.size / 2] = (it[it.size / 2] + 1).toByte() }
            val damaged = File(folder, "damaged.mirror").apply { writeBytes(bytes) }
            failure { mesh.pixel.reconcileWith(Peer.Bundle(damaged.path)) }.isTold(Code.INTEGRITY)
        }
    }
}
