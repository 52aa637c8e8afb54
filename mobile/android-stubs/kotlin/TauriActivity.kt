package org.mirrordna.mirror

import android.app.Activity

/** Stands in for what Tauri generates at a build, which rests on AndroidX: `MainActivity` is checked against no more of it. */
abstract class TauriActivity : Activity()
