package org.mirrordna.android

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import java.security.KeyStore
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import org.mirrordna.core.SealingKey

/** A key in Android's Keystore. It asks for no unlocking: the reconcile in the background opens the home too. */
class PhoneKey : SealingKey {
    private val store = KeyStore.getInstance(PROVIDER).apply { load(null) }

    override fun get() = store.getKey(ALIAS, null) as SecretKey?

    override fun make(): SecretKey {
        val use = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
        val form = KeyGenParameterSpec.Builder(ALIAS, use)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
            .setKeySize(256)
        val generator = KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, PROVIDER)
        generator.init(form.build())
        return generator.generateKey()
    }

    private companion object {
        const val PROVIDER = "AndroidKeyStore"
        const val ALIAS = "mirrordna"
    }
}
