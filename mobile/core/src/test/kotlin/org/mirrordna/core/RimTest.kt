package org.mirrordna.core

import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertTrue
import org.mirrordna.ffi.Code
import org.mirrordna.ffi.Role
import org.mirrordna.ffi.SyncState

/** Links, replies, the widget. */
class RimTest {
    @Test
    fun `a ticket is read from a link, a code and a paste`() = inFolder { folder ->
        val mac = folder.device("Mac")
        val serving = mac.serve("127.0.0.1:0")
        val invite = mac.invite(Role.CAPTURE)
        val ticket = invite.ticket
        val forms = listOf(
            ticket, " $ticket\n", "\u200B$ticket\uFEFF", ticket.uppercase(), ticket.chunked(40).joinToString("\n"),
            PairingLink.of(ticket), PairingLink.of(ticket).replace("mirrordna://join", "MirrorDNA://JOIN"),
        )
        for (form in forms) assertEquals(invite.digits, PairingLink.read(form).facts.digits, form)

        val joined = folder.home("Pixel").join(PairingLink.read(forms[4]).ticket, "Pixel")
        assertEquals(mac.status().identity?.mesh, joined.status().identity?.mesh)
        serving.stop()
    }

    @Test
    fun `what is no ticket is told, whatever it is`() = inFolder { folder ->
        val mac = folder.device("Mac")
        val serving = mac.serve("127.0.0.1:0")
        val ticket = mac.invite(Role.CAPTURE).ticket
        val wrong = listOf(
            "", " ", "hello", "https://example.org/#$ticket", "mirrordna://join", "mirrordna://leave#$ticket", "$ticket$ticket",
            ticket.dropLast(1), ticket.replaceRange(20, 21, if (ticket[20] == 'a') "b" else "a"), "x".repeat(1_000_000),
        )
        for (text in wrong) failure { PairingLink.read(text) }.isTold(Code.INVALID)
        serving.stop()
    }

    @Test
    fun `a reply becomes a note, and is told when it is one`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        val shown = Shown()
        InlineReply(folder.home("Pixel"), shown).onReply("call amma")
        val saved = assertIs<Notice.Saved>(shown.notices.single())
        assertEquals("call amma", pixel.note(saved.note.note).text)
    }

    @Test
    fun `a reply that can't be kept is given back with the reason`() = inFolder { folder ->
        val shown = Shown()
        InlineReply(folder.home("Pixel"), shown).onReply("call amma")
        val notSaved = assertIs<Notice.NotSaved>(shown.notices.single())
        assertEquals("call amma" to Code.NOT_INITIALISED, notSaved.text to notSaved.trouble.code)
    }

    @Test
    fun `an empty reply is nothing`() = inFolder { folder ->
        val pixel = folder.device("Pixel")
        val shown = Shown()
        InlineReply(folder.home("Pixel"), shown).onReply(" \n")
        assertTrue(shown.notices.isEmpty() && pixel.page().notes.isEmpty())
    }

    @Test
    fun `the widget counts what waits`() = inFolder { folder ->
        folder.pair { mesh ->
            mesh.reconcile()
            mesh.pixel.write("one")
            mesh.pixel.write("two")
            val widget = Widget.of(mesh.pixel.status())
            assertEquals(SyncState.AHEAD to 2, widget.state to widget.unreconciled)
            mesh.reconcile()
            assertEquals(SyncState.SYNCED to 0, Widget.of(mesh.pixel.status()).run { state to unreconciled })
        }
    }

    @Test
    fun `two faces of one process have one node`() = inFolder { folder ->
        folder.device("Pixel")
        val (window, tile) = folder.home("Pixel") to folder.home("Pixel")
        window.mirror().saveDraft("in the window")
        assertEquals("in the window", tile.mirror().draft())
        assertEquals(folder.home("Pixel").mirror().status().identity?.home, File(folder, "Pixel").path)
    }
}
