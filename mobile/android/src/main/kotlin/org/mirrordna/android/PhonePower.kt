package org.mirrordna.android

import android.content.Context
import android.net.ConnectivityManager
import android.net.NetworkCapabilities
import android.os.BatteryManager
import android.os.PowerManager
import org.mirrordna.core.Means
import org.mirrordna.core.Power

/** What the phone can spare, as the system says. */
class PhonePower(private val context: Context) : Power {
    override fun means(): Means {
        val network = context.getSystemService(ConnectivityManager::class.java)
        val can = network.getNetworkCapabilities(network.activeNetwork)
        val battery = context.getSystemService(BatteryManager::class.java)
        return Means(
            // Not "validated": the mesh needs the other device, not the internet.
            connected = can != null,
            metered = can != null && !can.hasCapability(NetworkCapabilities.NET_CAPABILITY_NOT_METERED),
            charging = battery.isCharging,
            batteryPercent = battery.getIntProperty(BatteryManager.BATTERY_PROPERTY_CAPACITY),
            saving = context.getSystemService(PowerManager::class.java).isPowerSaveMode,
        )
    }
}
