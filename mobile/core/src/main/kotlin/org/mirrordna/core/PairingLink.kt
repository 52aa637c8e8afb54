package org.mirrordna.core

import org.mirrordna.ffi.TicketFacts
import org.mirrordna.ffi.readTicket

/** A ticket, and what it says, to be compared with the other screen before joining. */
data class PairingLink(val ticket: String, val facts: TicketFacts) {
    companion object {
        /** What a QR code of another app's camera opens: the ticket behind a number sign, which no server would be sent. */
        const val SCHEME = "mirrordna"
        private const val LINK = "$SCHEME://join#"
        private const val MAX_CHARS = 16 * 1024

        /** The link that a ticket travels in. */
        fun of(ticket: String): String = LINK + ticket

        /**
         * Reads a scanned code, a link or a pasted text. Only what is one ticket and nothing else is taken; what is not, fails
         * as the node says it.
         */
        fun read(text: String): PairingLink {
            // Longer than any ticket, so that a whole clipboard is not worked through.
            val bare = text.take(MAX_CHARS).filterNot { it.category == CharCategory.FORMAT }.trim()
            val ticket = if (bare.startsWith(LINK, ignoreCase = true)) bare.substring(LINK.length) else bare
            return PairingLink(ticket, readTicket(ticket))
        }
    }
}
