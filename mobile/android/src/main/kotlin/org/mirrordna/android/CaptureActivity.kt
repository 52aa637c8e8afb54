package org.mirrordna.android

import android.Manifest
import android.app.Activity
import android.content.ComponentName
import android.content.Context
import android.content.Intent
import android.content.ServiceConnection
import android.content.pm.PackageManager
import android.os.Bundle
import android.os.IBinder
import android.text.Editable
import android.text.TextWatcher
import android.view.View
import android.widget.Button
import android.widget.EditText
import android.widget.TextView
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import org.mirrordna.core.CaptureSession
import org.mirrordna.core.Cause
import org.mirrordna.core.Draft
import org.mirrordna.core.Trouble
import org.mirrordna.core.Voice
import org.mirrordna.core.VoiceEnd
import org.mirrordna.core.VoiceEvent
import org.mirrordna.core.troubleOf
import org.mirrordna.ffi.Code

/** The text field and the voice button: only Kotlin and the core, no webview. Opened by tile, shortcut and widget. */
class CaptureActivity : Activity() {
    private val scope = CoroutineScope(SupervisorJob() + MainThread)
    private val rim by lazy { Rim.of(this) }
    private lateinit var session: CaptureSession
    private lateinit var text: EditText
    private lateinit var told: TextView
    private lateinit var voice: Button
    private lateinit var pause: Button
    private var service: VoiceService? = null

    private val connection = object : ServiceConnection {
        override fun onServiceConnected(name: ComponentName, binder: IBinder) {
            service = (binder as VoiceService.Here).service.also { scope.launch { follow(it) } }
        }

        override fun onServiceDisconnected(name: ComponentName) {
            service = null
        }
    }

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.capture)
        text = findViewById(R.id.text)
        told = findViewById(R.id.told)
        voice = findViewById(R.id.voice)
        pause = findViewById(R.id.pause)
        session = CaptureSession(rim.home, rim.scope, Dispatchers.IO)
        text.addTextChangedListener(object : TextWatcher {
            override fun beforeTextChanged(before: CharSequence?, start: Int, count: Int, after: Int) = Unit

            override fun onTextChanged(now: CharSequence?, start: Int, before: Int, count: Int) = Unit

            override fun afterTextChanged(now: Editable?) = session.onText(now.toString())
        })
        findViewById<Button>(R.id.done).setOnClickListener { scope.launch { done() } }
        voice.setOnClickListener { onVoice() }
        pause.setOnClickListener { onPauseButton() }
        bindService(Intent(this, VoiceService::class.java), connection, Context.BIND_AUTO_CREATE)
        scope.launch { restore() }
        if (intent.action == VOICE) onVoice()
    }

    override fun onNewIntent(intent: Intent) {
        if (intent.action == VOICE && service?.recorder?.state?.value == Voice.Idle) onVoice()
    }

    private suspend fun restore() {
        try {
            val draft = session.restore()
            // Who types at once is not overwritten: what was there before goes in front.
            if (draft.isNotEmpty()) text.setText(if (text.text.isEmpty()) draft else "$draft\n${text.text}")
            text.setSelection(text.text.length)
        } catch (error: Exception) {
            tell(troubleOf(error))
        }
        scope.launch {
            session.draft.collect {
                when (it) {
                    Draft.Kept -> if (text.text.isNotEmpty()) told.setText(R.string.kept)
                    Draft.Writing -> told.setText(R.string.writing)
                    is Draft.Failed -> tell(it.trouble)
                }
            }
        }
        recoverAndReconcile()
    }

    /** What a killed process left, and what other devices have; behind the screen. */
    private fun recoverAndReconcile() = rim.scope.launch {
        if (!rim.home.isPaired()) return@launch
        ReconcileJob.schedule(this@CaptureActivity)
        rim.recordings.recover()
        rim.notices.offerReply()
        rim.reconcile.wake(Cause.OPENED)
    }

    private suspend fun done() {
        try {
            session.done(text.text.toString())
            ReconcileJob.afterCapture(this)
            setResult(RESULT_OK)
            finish()
        } catch (error: Exception) {
            tell(troubleOf(error))
        }
    }

    private fun onVoice() {
        val recorder = service?.recorder
        if (recorder != null && recorder.state.value != Voice.Idle) {
            service?.tell(VoiceEvent.STOP)
        } else if (checkSelfPermission(Manifest.permission.RECORD_AUDIO) == PackageManager.PERMISSION_GRANTED) {
            startForegroundService(Intent(this, VoiceService::class.java))
        } else {
            requestPermissions(arrayOf(Manifest.permission.RECORD_AUDIO), ASKED)
        }
    }

    override fun onRequestPermissionsResult(request: Int, permissions: Array<String>, results: IntArray) {
        if (results.firstOrNull() == PackageManager.PERMISSION_GRANTED) onVoice() else told.setText(R.string.microphone_denied)
    }

    private fun onPauseButton() {
        val paused = service?.recorder?.state?.value is Voice.Paused
        service?.tell(if (paused) VoiceEvent.RESUME else VoiceEvent.PAUSE)
    }

    /** Shows a recording until the screen goes. */
    private suspend fun follow(service: VoiceService) {
        scope.launch { service.ended.collect { it?.let(::tell) } }
        var before: Voice = Voice.Idle
        while (true) {
            val state = service.recorder.state.value
            if (state != Voice.Idle || before != Voice.Idle) {
                if (state != Voice.Idle) told.text = VoiceService.words(this, state, service.recorder)
                voice.setText(if (state == Voice.Idle) R.string.voice_label else R.string.stop)
                pause.setText(if (state is Voice.Paused) R.string.resume else R.string.pause)
                pause.visibility = if (state == Voice.Idle) View.GONE else View.VISIBLE
            }
            before = state
            delay(SHOW_EVERY_MS)
        }
    }

    private fun tell(end: VoiceEnd) {
        told.text = when (end) {
            is VoiceEnd.Kept -> end.cut?.let { getString(R.string.recording_cut, it.what) } ?: getString(R.string.saved)
            is VoiceEnd.AllZero -> getString(R.string.recording_zero)
            is VoiceEnd.NotYet -> getString(R.string.recording_later, end.trouble.what)
        }
        if (end is VoiceEnd.Kept) ReconcileJob.afterCapture(this)
    }

    private fun tell(trouble: Trouble) {
        told.text = if (trouble.code == Code.NOT_INITIALISED) getString(R.string.not_paired) else "${trouble.what} ${trouble.wayOut}"
    }

    override fun onStop() {
        super.onStop()
        rim.scope.launch { session.flush() }
    }

    override fun onDestroy() {
        scope.cancel()
        session.close()
        unbindService(connection)
        super.onDestroy()
    }

    companion object {
        const val CAPTURE = "org.mirrordna.android.CAPTURE"
        const val VOICE = "org.mirrordna.android.VOICE"
        private const val ASKED = 1
        private const val SHOW_EVERY_MS = 200L
    }
}
