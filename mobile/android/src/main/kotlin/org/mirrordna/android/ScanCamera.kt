package org.mirrordna.android

import android.content.Context
import android.graphics.ImageFormat
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.hardware.camera2.params.StreamConfigurationMap
import android.media.Image
import android.media.ImageReader
import android.os.Handler
import android.os.HandlerThread
import android.view.Surface
import org.mirrordna.core.Luma
import org.mirrordna.core.Scan
import org.mirrordna.core.Sight

/** The camera at the back, on a thread of its own: shown on a surface, and each picture looked at unless the last one still is. */
class ScanCamera(
    private val context: Context,
    private val look: (Luma) -> Sight,
    private val seen: (Sight) -> Unit,
    private val failed: (String) -> Unit,
) {
    private val manager = context.getSystemService(CameraManager::class.java)
    private val id = manager.cameraIdList.find {
        manager.getCameraCharacteristics(it).get(CameraCharacteristics.LENS_FACING) == CameraCharacteristics.LENS_FACING_BACK
    }
    private var open: Open? = null

    /** Of its pictures, as the sensor lies; null where there is no camera. */
    val size: Pair<Int, Int>? = id?.let {
        val offered = manager.getCameraCharacteristics(it).get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP)
        val sizes = (offered as? StreamConfigurationMap)?.getOutputSizes(ImageFormat.YUV_420_888).orEmpty()
        Scan.size(sizes.map { size -> size.width to size.height })
    }

    /** Opens it; the permission has been given. */
    fun open(shown: Surface) {
        close()
        val (width, height) = size ?: return
        val now = Open(shown, width, height)
        open = now
        try {
            manager.openCamera(id ?: return, now, now.handler)
        } catch (error: CameraAccessException) {
            broke("${error.message}")
        }
    }

    fun close() {
        open?.close()
        open = null
    }

    private fun broke(why: String) = failed(context.getString(R.string.camera_failed, why))

    /** One opening. */
    private inner class Open(private val shown: Surface, width: Int, height: Int) : CameraDevice.StateCallback() {
        private val thread = HandlerThread("camera").apply { start() }
        val handler = Handler(thread.looper)
        private val pictures = ImageReader.newInstance(width, height, ImageFormat.YUV_420_888, PICTURES)
        private var device: CameraDevice? = null
        @Volatile private var closed = false

        init {
            pictures.setOnImageAvailableListener({ it.acquireLatestImage()?.use(::onPicture) }, handler)
        }

        private fun onPicture(picture: Image) {
            if (closed) return
            // The first plane is the brightness.
            val plane = picture.planes[0]
            val bytes = ByteArray(plane.buffer.remaining()).also(plane.buffer::get)
            seen(look(Luma(bytes, plane.rowStride, picture.width, picture.height)))
        }

        override fun onOpened(camera: CameraDevice) {
            device = camera
            if (closed) return camera.close()
            val session = object : CameraCaptureSession.StateCallback() {
                override fun onConfigured(session: CameraCaptureSession) {
                    if (!closed) trying { session.setRepeatingRequest(request(camera), null, handler) }
                }

                override fun onConfigureFailed(session: CameraCaptureSession) = broke("it takes no such pictures")
            }
            // What replaces it needs API 28.
            @Suppress("DEPRECATION")
            trying { camera.createCaptureSession(listOf(shown, pictures.surface), session, handler) }
        }

        private fun request(camera: CameraDevice) = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW).run {
            addTarget(shown)
            addTarget(pictures.surface)
            build()
        }

        /** The camera may be taken away between any two calls. */
        private fun trying(call: () -> Unit) {
            try {
                call()
            } catch (error: CameraAccessException) {
                broke("${error.message}")
            } catch (_: IllegalStateException) {
                // Closed meanwhile.
            }
        }

        override fun onDisconnected(camera: CameraDevice) {
            camera.close()
            broke("another app took it")
        }

        override fun onError(camera: CameraDevice, error: Int) {
            camera.close()
            broke("error $error")
        }

        /** On its own thread, so that no picture is being looked at. */
        fun close() {
            closed = true
            handler.post {
                device?.close()
                pictures.close()
                thread.quitSafely()
            }
        }
    }

    private companion object {
        const val PICTURES = 2
    }
}
