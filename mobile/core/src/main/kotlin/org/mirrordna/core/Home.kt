package org.mirrordna.core

import java.io.File
import java.util.concurrent.atomic.AtomicReference
import org.mirrordna.ffi.Code
import org.mirrordna.ffi.Mirror
import org.mirrordna.ffi.MirrorException
import org.mirrordna.ffi.isInitialised

/** The device's home: opened when it is first needed, one node a process. Its methods touch the disk; call them off the main thread. */
class Home(private val folder: File) {
    private val node = AtomicReference<Mirror>()

    /** Whether this device belongs to a mesh yet. */
    fun isPaired(): Boolean = isInitialised(folder.path)

    /** The node. Fails with `NOT_INITIALISED` before the device is paired. */
    @Synchronized
    fun mirror(): Mirror = node.get() ?: Mirror.open(folder.path).also(node::set)

    /** Joins the mesh of a ticket as a new device. */
    suspend fun join(ticket: String, name: String): Mirror = Mirror.join(folder.path, ticket, name).also(node::set)
}

/** Why something failed, as a person is told. */
data class Trouble(val code: Code, val what: String, val wayOut: String)

/** What is told of an error. */
fun troubleOf(error: Throwable): Trouble = when (error) {
    is MirrorException.Failed -> Trouble(error.code, error.detail, error.hint)
    else -> Trouble(Code.IO, error.message ?: error.javaClass.simpleName, "")
}
