package org.mirrordna.android

import android.content.Context
import android.os.Handler
import android.os.Looper
import java.io.File
import java.time.OffsetDateTime
import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import org.mirrordna.core.BackgroundReconcile
import org.mirrordna.core.Home
import org.mirrordna.core.Recordings
import org.mirrordna.core.ShareIntake

/** What a process has one of: the home, and what must not run twice over it. */
class Rim private constructor(context: Context) {
    /** In the app's own files, which no backup takes (see the manifest). */
    val home = Home(homeOf(context))
    val recordings = Recordings(home, File(context.filesDir, "voice"))
    val notices = PhoneNotifier(context)
    val reconcile =
        BackgroundReconcile(home, PhonePower(context), notices, OffsetDateTime::now, File(context.filesDir, "attempts"))
    private val staging = File(context.cacheDir, "shares")

    /** Work that outlives a screen. */
    val scope = CoroutineScope(SupervisorJob() + Dispatchers.IO)

    /** What a process that was killed left behind is swept before the first share is taken in. */
    val shareIntake by lazy { ShareIntake(home.mirror(), staging).also(ShareIntake::sweep) }

    companion object {
        @Volatile private var rim: Rim? = null

        /** Where the home is; src-tauri is told the same. */
        fun homeOf(context: Context) = File(context.filesDir, "home")

        /** The process's own. */
        fun of(context: Context): Rim = rim ?: synchronized(this) {
            rim ?: Rim(context.applicationContext).also { rim = it }
        }
    }
}

/** The main thread, for coroutines. */
object MainThread : CoroutineDispatcher() {
    private val handler = Handler(Looper.getMainLooper())

    override fun dispatch(context: CoroutineContext, block: Runnable) {
        handler.post(block)
    }
}
