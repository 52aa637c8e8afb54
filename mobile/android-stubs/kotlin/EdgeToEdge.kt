package androidx.activity

import android.app.Activity

/** Stands in for AndroidX's. */
fun Activity.enableEdgeToEdge() = check(!isFinishing)
