package org.mirrordna.core

/** How a recording stands. */
sealed interface Voice {
    /** None. */
    data object Idle : Voice

    /** The person is being asked whether the app may use the microphone. */
    data object Asking : Voice

    /** The person said no; the way out is in the system's settings. */
    data object Denied : Voice

    /** Sound is being written. */
    data object Recording : Voice

    /** None is, and what there is lies on disk. */
    data class Paused(val by: Pause) : Voice
}

/** What paused a recording. A call ends by itself, and then the recording goes on; what a person paused waits for the person. */
enum class Pause { PERSON, CALL }

/** What happens to a recording. */
enum class VoiceEvent {
    /** The person starts one. */
    START,

    /** The system's answer: the microphone may be used, or not. */
    GRANTED, REFUSED,

    /** The person's buttons. */
    PAUSE, RESUME, STOP,

    /** A call, or another app, takes the microphone, and gives it back. */
    CALL, CALL_ENDED,

    /** The screen goes dark: the recording goes on. */
    SCREEN_OFF,

    /** The microphone or the disk gave up. */
    BROKEN,
}

/** What is to be done then. */
enum class VoiceDo { ASK, OPEN, HOLD, CONTINUE, FINISH, NOTHING }

/** The next state, and what is to be done. What makes no sense in a state changes nothing. */
fun Voice.on(event: VoiceEvent, mayRecord: Boolean = false): Pair<Voice, VoiceDo> {
    val nothing = this to VoiceDo.NOTHING
    return when (this) {
        Voice.Idle, Voice.Denied -> when (event) {
            VoiceEvent.START -> if (mayRecord) Voice.Recording to VoiceDo.OPEN else Voice.Asking to VoiceDo.ASK
            VoiceEvent.STOP -> Voice.Idle to VoiceDo.NOTHING
            else -> nothing
        }
        Voice.Asking -> when (event) {
            VoiceEvent.GRANTED -> Voice.Recording to VoiceDo.OPEN
            VoiceEvent.REFUSED -> Voice.Denied to VoiceDo.NOTHING
            VoiceEvent.STOP -> Voice.Idle to VoiceDo.NOTHING
            else -> nothing
        }
        Voice.Recording -> when (event) {
            VoiceEvent.PAUSE -> Voice.Paused(Pause.PERSON) to VoiceDo.HOLD
            VoiceEvent.CALL -> Voice.Paused(Pause.CALL) to VoiceDo.HOLD
            VoiceEvent.STOP, VoiceEvent.BROKEN -> Voice.Idle to VoiceDo.FINISH
            else -> nothing
        }
        is Voice.Paused -> when (event) {
            VoiceEvent.RESUME -> Voice.Recording to VoiceDo.CONTINUE
            VoiceEvent.CALL_ENDED -> if (by == Pause.CALL) Voice.Recording to VoiceDo.CONTINUE else nothing
            VoiceEvent.PAUSE -> Voice.Paused(Pause.PERSON) to VoiceDo.NOTHING
            VoiceEvent.STOP, VoiceEvent.BROKEN -> Voice.Idle to VoiceDo.FINISH
            else -> nothing
        }
    }
}
