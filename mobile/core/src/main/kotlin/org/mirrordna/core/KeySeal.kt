package org.mirrordna.core

import java.security.GeneralSecurityException
import java.security.ProviderException
import javax.crypto.Cipher
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec
import org.mirrordna.ffi.Code
import org.mirrordna.ffi.Keystore
import org.mirrordna.ffi.MirrorException

/** Where the sealing key is: in the phone's hardware, which uses it and gives it to nobody. */
interface SealingKey {
    /** The key, if one was made. */
    fun get(): SecretKey?

    /** Makes one. */
    fun make(): SecretKey
}

/**
 * Seals the node's keys, so that their file is worth nothing without this phone: AES-256-GCM, bound to the account that they
 * are of. The form is a version, the length of the nonce, the nonce, the sealed text with its tag.
 */
class KeySeal(private val key: SealingKey) : Keystore {
    override fun seal(account: String, secret: String): ByteArray = told("The phone's keystore does not seal") {
        val cipher = Cipher.getInstance(AES_GCM)
        // The keystore chooses the nonce: it refuses one that comes from outside.
        cipher.init(Cipher.ENCRYPT_MODE, key.get() ?: key.make())
        cipher.updateAAD(account.toByteArray())
        val sealed = cipher.doFinal(secret.toByteArray())
        byteArrayOf(VERSION, cipher.iv.size.toByte()) + cipher.iv + sealed
    }

    override fun unseal(account: String, sealed: ByteArray): String = told("The sealed keys don't open") {
        val nonceEnd = if (sealed.size > HEAD) HEAD + sealed[1] else 0
        if (nonceEnd <= HEAD || nonceEnd + TAG_BITS / 8 > sealed.size || sealed[0] != VERSION) throw damaged("they have no form that is known here")
        val key = key.get() ?: throw damaged("the key that sealed them is not on this phone")
        val cipher = Cipher.getInstance(AES_GCM)
        cipher.init(Cipher.DECRYPT_MODE, key, GCMParameterSpec(TAG_BITS, sealed, HEAD, nonceEnd - HEAD))
        cipher.updateAAD(account.toByteArray())
        cipher.doFinal(sealed, nonceEnd, sealed.size - nonceEnd).decodeToString()
    }

    /** The system's own words say little, and name no way out. */
    private fun <T> told(what: String, call: () -> T): T = try {
        call()
    } catch (error: GeneralSecurityException) {
        throw failed(what, error)
    } catch (error: ProviderException) {
        // The hardware itself gave up.
        throw failed(what, error)
    }

    private fun failed(what: String, error: Exception) =
        MirrorException.Failed(Code.IO, "$what: ${error.message ?: error.javaClass.simpleName}", WAY_OUT)

    private fun damaged(why: String) = GeneralSecurityException(why)

    private companion object {
        const val AES_GCM = "AES/GCM/NoPadding"
        const val TAG_BITS = 128
        const val VERSION: Byte = 1
        const val HEAD = 2
        const val WAY_OUT = "restart the phone and try again; if it stays so, restore a backup, or join the mesh anew"
    }
}
