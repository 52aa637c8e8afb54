package org.mirrordna.core

import com.google.zxing.BarcodeFormat
import com.google.zxing.EncodeHintType
import com.google.zxing.qrcode.QRCodeWriter
import kotlin.math.cos
import kotlin.math.roundToInt
import kotlin.math.sin
import kotlin.random.Random
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertNull
import org.mirrordna.ffi.Code
import org.mirrordna.ffi.Role

/** The scanner, on pictures such as a camera takes; the tickets are real. */
class ScanTest {
    /** A picture of a code, turned, on a grey table, unevenly lit, with the noise of a sensor. */
    private fun photo(text: String, turned: Double = 0.0, noise: Int = 12, modulePixels: Double = 5.0): Luma {
        val code = QRCodeWriter().encode(text, BarcodeFormat.QR_CODE, 0, 0, mapOf(EncodeHintType.MARGIN to 4))
        val (width, height, rowBytes) = Triple(1280, 720, 1344)
        val random = Random(7)
        // The last row without its padding, as cameras hand it over.
        val bytes = ByteArray(rowBytes * (height - 1) + width)
        val angle = Math.toRadians(turned)
        for (y in 0..<height) for (x in 0..<width) {
            val (dx, dy) = (x - width / 2) / modulePixels to (y - height / 2) / modulePixels
            val column = (cos(angle) * dx + sin(angle) * dy + code.width / 2.0).toInt()
            val row = (-sin(angle) * dx + cos(angle) * dy + code.height / 2.0).toInt()
            val paper = column in 0..<code.width && row in 0..<code.height
            val ink = if (!paper) 120 else if (code[column, row]) 45 else 205
            val lit = ink * (0.7 + 0.3 * x / width) + random.nextInt(-noise, noise + 1)
            bytes[y * rowBytes + x] = lit.roundToInt().coerceIn(0, 255).toByte()
        }
        return Luma(bytes, rowBytes, width, height)
    }

    private fun withTicket(test: suspend (ticket: String, digits: String) -> Unit) = inFolder { folder ->
        val mac = folder.device("Mac")
        val serving = mac.serve("127.0.0.1:0")
        val invite = mac.invite(Role.CAPTURE)
        test(invite.ticket, invite.digits)
        serving.stop()
    }

    @Test
    fun `a ticket is read however the phone is held`() = withTicket { ticket, digits ->
        for (turned in listOf(0.0, 90.0, 180.0, 270.0, 12.0, -33.0)) {
            val sight = Scan().look(photo(PairingLink.of(ticket), turned))
            val found = assertIs<Sight.Ticket>(sight, "turned by $turned")
            assertEquals(ticket to digits, found.link.ticket to found.link.facts.digits)
        }
    }

    @Test
    fun `a bare ticket is read, small in the picture and in bad light`() = withTicket { ticket, _ ->
        val found = assertIs<Sight.Ticket>(Scan().look(photo(ticket, noise = 30, modulePixels = 4.0)))
        assertEquals(ticket, found.link.ticket)
    }

    @Test
    fun `one scanner goes from nothing to a foreign code to the ticket`() = withTicket { ticket, _ ->
        val scan = Scan()
        val dark = Luma(ByteArray(1280 * 720), 1280, 1280, 720)
        assertEquals(Sight.Nothing, scan.look(dark))
        val noise = Luma(Random(1).nextBytes(1280 * 720), 1280, 1280, 720)
        assertEquals(Sight.Nothing, scan.look(noise))
        assertEquals(Code.INVALID, assertIs<Sight.Foreign>(scan.look(photo("https://example.org/menu"))).trouble.code)
        assertEquals(Code.INVALID, assertIs<Sight.Foreign>(scan.look(photo(ticket.dropLast(3)))).trouble.code)
        assertIs<Sight.Ticket>(scan.look(photo(ticket)))
    }

    @Test
    fun `the pictures are the largest that are quick to look through`() {
        val pixel = listOf(4080 to 3072, 1920 to 1080, 1280 to 960, 1280 to 720, 640 to 480)
        assertEquals(1280 to 960, Scan.size(pixel))
        assertEquals(1920 to 1080, Scan.size(listOf(4080 to 3072, 1920 to 1080)))
        assertNull(Scan.size(emptyList()))
    }
}
