package org.mirrordna.android

import android.app.Service
import android.content.Context
import android.content.Intent
import android.content.pm.PackageManager
import android.content.pm.ServiceInfo
import android.Manifest
import android.media.AudioAttributes
import android.media.AudioFocusRequest
import android.media.AudioManager
import android.os.Binder
import android.os.Build
import android.os.IBinder
import java.time.OffsetDateTime
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import org.mirrordna.core.MicrophonePermission
import org.mirrordna.core.Pause
import org.mirrordna.core.Voice
import org.mirrordna.core.VoiceEnd
import org.mirrordna.core.VoiceEvent
import org.mirrordna.core.VoiceRecorder

/**
 * Records in the foreground, so that the screen may go dark. It is started from a visible activity, which Android demands of a
 * service of microphone type, and which has asked for the permission.
 */
class VoiceService : Service() {
    private val scope = CoroutineScope(SupervisorJob() + MainThread)
    private val microphone = PhoneMicrophone()
    private val end = MutableStateFlow<VoiceEnd?>(null)
    private lateinit var audio: AudioManager
    private lateinit var focus: AudioFocusRequest

    /** For the screen. */
    lateinit var recorder: VoiceRecorder
        private set

    /** How the last recording ended. */
    val ended: StateFlow<VoiceEnd?> = end

    override fun onCreate() {
        val rim = Rim.of(this)
        audio = getSystemService(AudioManager::class.java)
        recorder = VoiceRecorder(microphone, Allowed(), rim.recordings, OffsetDateTime::now) { end.value = it }
        val attributes = AudioAttributes.Builder().setContentType(AudioAttributes.CONTENT_TYPE_SPEECH).build()
        focus = AudioFocusRequest.Builder(AudioManager.AUDIOFOCUS_GAIN_TRANSIENT_EXCLUSIVE)
            .setAudioAttributes(attributes).setOnAudioFocusChangeListener(::onFocus).build()
    }

    override fun onStartCommand(intent: Intent?, flags: Int, startId: Int): Int {
        val shown = notices().recording(getString(R.string.recording, ""))
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) {
            startForeground(PhoneNotifier.VOICE_ID, shown, ServiceInfo.FOREGROUND_SERVICE_TYPE_MICROPHONE)
        } else {
            startForeground(PhoneNotifier.VOICE_ID, shown)
        }
        audio.requestAudioFocus(focus)
        tell(VoiceEvent.START)
        scope.launch { showWhileRecording() }
        // Killed, there is nothing to start again by itself: what was recorded becomes a note at the next opening.
        return START_NOT_STICKY
    }

    /** Tells the recorder; off the main thread, since stopping waits for the disk. */
    fun tell(event: VoiceEvent) {
        Rim.of(this).scope.launch {
            if (recorder.onEvent(event) == Voice.Idle) scope.launch { leave() }
        }
    }

    /** A call, or another app that must be heard, takes the focus and gives it back. */
    private fun onFocus(change: Int) = when (change) {
        AudioManager.AUDIOFOCUS_LOSS, AudioManager.AUDIOFOCUS_LOSS_TRANSIENT -> tell(VoiceEvent.CALL)
        AudioManager.AUDIOFOCUS_GAIN -> tell(VoiceEvent.CALL_ENDED)
        else -> Unit
    }

    private suspend fun showWhileRecording() {
        recorder.state.first { it != Voice.Idle }
        while (true) {
            delay(SHOW_EVERY_MS)
            val state = recorder.state.value
            if (state == Voice.Idle) return leave()
            notices().show(PhoneNotifier.VOICE_ID, notices().recording(words(this, state, recorder)))
        }
    }

    private fun leave() {
        audio.abandonAudioFocusRequest(focus)
        stopForeground(STOP_FOREGROUND_REMOVE)
        stopSelf()
    }

    override fun onDestroy() {
        scope.cancel()
        if (recorder.state.value != Voice.Idle) recorder.onEvent(VoiceEvent.STOP)
        microphone.release()
    }

    private fun notices() = Rim.of(this).notices

    override fun onBind(intent: Intent?): IBinder = Here()

    /** The screen's way to the service; both are in one process. */
    inner class Here : Binder() {
        val service get() = this@VoiceService
    }

    private inner class Allowed : MicrophonePermission {
        override val granted
            get() = checkSelfPermission(Manifest.permission.RECORD_AUDIO) == PackageManager.PERMISSION_GRANTED

        /** A service can't ask; the activity has, before it started this one. */
        override fun ask() = Unit
    }

    companion object {
        private const val SHOW_EVERY_MS = 1000L

        /** A state in words. */
        fun words(context: Context, state: Voice, recorder: VoiceRecorder): String {
            val seconds = recorder.durationMs / 1000
            val time = "%d:%02d".format(seconds / 60, seconds % 60)
            return when (state) {
                Voice.Recording ->
                    if (recorder.level.value.mute) context.getString(R.string.recording_mute)
                    else context.getString(R.string.recording, time)
                is Voice.Paused ->
                    if (state.by == Pause.CALL) context.getString(R.string.recording_call)
                    else context.getString(R.string.recording_paused, time)
                Voice.Denied, Voice.Asking -> context.getString(R.string.microphone_denied)
                Voice.Idle -> ""
            }
        }
    }
}
