package org.mirrordna.android

import android.app.job.JobInfo
import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.app.job.JobService
import android.content.ComponentName
import android.content.Context
import kotlinx.coroutines.launch
import org.mirrordna.core.Cause
import org.mirrordna.core.ReconcilePolicy

/** The periodic reconcile, by the framework's own scheduler: it keeps its job over restarts and obeys its constraints. */
class ReconcileJob : JobService() {
    override fun onStartJob(params: JobParameters): Boolean {
        val rim = Rim.of(this)
        rim.scope.launch {
            rim.reconcile.wake(if (params.jobId == CAPTURED) Cause.CAPTURED else Cause.PERIODIC)
            // What failed waits for the next one: our own back-off outlives the process, the system's does not.
            jobFinished(params, false)
        }
        return true
    }

    override fun onStopJob(params: JobParameters): Boolean {
        Rim.of(this).reconcile.stop()
        return true
    }

    companion object {
        private const val PERIODIC = 1
        private const val CAPTURED = 2

        /** Asks for the periodic one; asking again changes nothing. */
        fun schedule(context: Context) {
            val scheduler = context.getSystemService(JobScheduler::class.java)
            if (scheduler.getPendingJob(PERIODIC) != null) return
            val job = JobInfo.Builder(PERIODIC, ComponentName(context, ReconcileJob::class.java))
                .setPeriodic(ReconcilePolicy.PERIOD_MS)
                .setRequiredNetworkType(JobInfo.NETWORK_TYPE_ANY)
                .setRequiresBatteryNotLow(true)
                .setPersisted(true)
            scheduler.schedule(job.build())
        }

        /** Something was captured: soon, once there is a network. */
        fun afterCapture(context: Context) {
            val job = JobInfo.Builder(CAPTURED, ComponentName(context, ReconcileJob::class.java))
                .setRequiredNetworkType(JobInfo.NETWORK_TYPE_ANY)
                .setPersisted(true)
            context.getSystemService(JobScheduler::class.java).schedule(job.build())
        }
    }
}
