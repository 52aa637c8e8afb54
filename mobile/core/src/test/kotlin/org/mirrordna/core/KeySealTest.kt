package org.mirrordna.core

import java.io.File
import java.security.KeyStore
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import org.mirrordna.ffi.Code
import org.mirrordna.ffi.Mirror
import org.mirrordna.ffi.Role
import org.mirrordna.ffi.bringKeystore

/** A key store of the JVM's in place of the phone's: kept in a file, so that a second process has the same key. */
class JvmKey(private val file: File) : SealingKey {
    private val password = "for a test".toCharArray()
    private val store = KeyStore.getInstance("PKCS12").apply {
        if (file.exists()) file.inputStream().use { load(it, password) } else load(null)
    }

    override fun get() = store.getKey("mirrordna", password) as SecretKey?

    override fun make(): SecretKey {
        val made = KeyGenerator.getInstance("AES").apply { init(256) }.generateKey()
        store.setEntry("mirrordna", KeyStore.SecretKeyEntry(made), KeyStore.PasswordProtection(password))
        file.outputStream().use { store.store(it, password) }
        return made
    }
}

/** A process of a phone with a keystore: captures, and says where its keys are. */
object SealedPhone {
    @JvmStatic
    fun main(args: Array<String>) {
        val (home, key) = args
        bringKeystore(KeySeal(JvmKey(File(key))))
        try {
            val mirror = if (File(home).exists()) Mirror.open(home) else Mirror.init(home, "Pixel", Role.CAPTURE)
            mirror.write("call amma")
            println("${mirror.status().identity?.keys} ${mirror.texts().size}")
        } catch (error: Exception) {
            println(troubleOf(error).run { "$code $what" })
        }
    }
}

/** The node's keys on a phone. The node, its files and the cipher are real; the hardware is a file. */
class KeySealTest {
    private fun File.seal(name: String = "key.p12") = KeySeal(JvmKey(File(this, name)))

    /** What such a process says. The keys must not be forced into a file, as the tests' own are. */
    private fun phone(home: File, key: File): String {
        val run = listOf(File(System.getProperty("java.home"), "bin/java").path, "-Djna.library.path=${System.getProperty("jna.library.path")}") +
            listOf("-cp", System.getProperty("java.class.path"), "org.mirrordna.core.SealedPhone", home.path, key.path)
        val process = ProcessBuilder(run).redirectError(ProcessBuilder.Redirect.INHERIT).apply { environment().remove("MIRROR_KEYS") }.start()
        return process.inputStream.bufferedReader().readText().trim().also { process.waitFor() }
    }

    @Test
    fun `a home's keys are sealed, and open in the next process and nowhere else`() = inFolder { folder ->
        val (home, key) = File(folder, "Pixel") to File(folder, "key.p12")
        assertEquals("keystore 1", phone(home, key))
        assertFalse(File(home, "keys.json").exists())
        val sealed = File(home, "keys.sealed").readBytes()
        assertFalse("version" in sealed.decodeToString(), "the secret is not to be read")
        assertEquals("keystore 2", phone(home, key))

        // The home alone, as on a stolen disk.
        val other = phone(home, File(folder, "another.p12"))
        assertTrue(other.startsWith("IO The sealed keys don't open: the key that sealed them is not on this phone"), other)
        failure { Mirror.open(home.path) }.isTold(Code.IO, "sealed by a phone's keystore")

        // Nothing of that harmed it.
        assertContentEquals(sealed, File(home, "keys.sealed").readBytes())
        assertEquals("keystore 3", phone(home, key))
    }

    @Test
    fun `what is sealed opens as it was, and differs each time`() = inFolder { folder ->
        val secret = "{\"version\":1,\"device\":\"नमस्ते\"}"
        val (one, two) = folder.seal().seal("a", secret) to folder.seal().seal("a", secret)
        assertFalse(one.contentEquals(two))
        for (sealed in listOf(one, two)) assertEquals(secret, folder.seal().unseal("a", sealed))
    }

    @Test
    fun `what was changed, cut, or is another account's, does not open, and is told`() = inFolder { folder ->
        val seal = folder.seal()
        val sealed = seal.seal("a", "secret")
        for (bit in 0..<sealed.size * 8) {
            val changed = sealed.clone().also { it[bit / 8] = (it[bit / 8].toInt() xor (1 shl bit % 8)).toByte() }
            failure { seal.unseal("a", changed) }.isTold(Code.IO, "don't open")
        }
        for (length in sealed.indices) failure { seal.unseal("a", sealed.copyOf(length)) }.isTold(Code.IO, "don't open")
        failure { seal.unseal("b", sealed) }.isTold(Code.IO, "don't open")
        failure { folder.seal("another.p12").unseal("a", sealed) }.isTold(Code.IO, "not on this phone")
    }
}
