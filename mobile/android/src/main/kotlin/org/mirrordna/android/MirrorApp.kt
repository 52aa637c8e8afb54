package org.mirrordna.android

import android.app.Application
import android.system.Os
import org.mirrordna.core.KeySeal
import org.mirrordna.ffi.bringKeystore

/** The process: whatever of it is started first, Kotlin and the webview's Rust share one library and one home. */
class MirrorApp : Application() {
    override fun onCreate() {
        super.onCreate()
        // Read when the bindings are first used: by this name the app's library, which Tauri loads too, is the only one.
        System.setProperty("uniffi.component.mirror_ffi.libraryOverride", "mirror_app_lib")
        // Read when the window's Rust starts.
        Os.setenv("MIRROR_HOME", Rim.homeOf(this).path, true)
        bringKeystore(KeySeal(PhoneKey()))
    }
}
