package org.mirrordna.core

import com.google.zxing.BinaryBitmap
import com.google.zxing.PlanarYUVLuminanceSource
import com.google.zxing.ReaderException
import com.google.zxing.common.HybridBinarizer
import com.google.zxing.qrcode.QRCodeReader

/** What a picture of the camera shows. */
sealed interface Sight {
    /** No code, or none that can be read: the next picture may be better. */
    data object Nothing : Sight

    /** A ticket of ours. */
    data class Ticket(val link: PairingLink) : Sight

    /** Another code, or a ticket that is not whole. */
    data class Foreign(val trouble: Trouble) : Sight
}

/** A picture's brightness, a byte a pixel; rows may be longer than what is seen of them. */
class Luma(val bytes: ByteArray, val rowBytes: Int, val width: Int, val height: Int)

/** Reads tickets out of the camera's pictures, on the phone alone. Not for several threads at once. */
class Scan {
    private val reader = QRCodeReader()

    fun look(picture: Luma): Sight {
        val text = read(picture) ?: return Sight.Nothing
        return try {
            Sight.Ticket(PairingLink.read(text))
        } catch (error: Exception) {
            Sight.Foreign(troubleOf(error))
        }
    }

    private fun read(picture: Luma): String? = with(picture) {
        // A buffer's last row may lack its padding, which is asked for here.
        val whole = if (bytes.size < rowBytes * height) bytes.copyOf(rowBytes * height) else bytes
        val source = PlanarYUVLuminanceSource(whole, rowBytes, height, 0, 0, width, height, false)
        try {
            reader.decode(BinaryBitmap(HybridBinarizer(source))).text
        } catch (_: ReaderException) {
            null
        } finally {
            reader.reset()
        }
    }

    companion object {
        /**
         * Which of a camera's picture sizes to read: the largest that is quick to work through. A code fills half of the
         * short side, and needs three pixels a module.
         */
        fun size(offered: List<Pair<Int, Int>>): Pair<Int, Int>? =
            offered.filter { (width, height) -> width * height <= MOST_PIXELS }.maxByOrNull { (width, height) -> width * height }
                ?: offered.minByOrNull { (width, height) -> width * height }

        private const val MOST_PIXELS = 1280 * 960
    }
}
