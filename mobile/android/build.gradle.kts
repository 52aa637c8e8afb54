import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    id("com.android.library")
    id("org.jetbrains.kotlin.android")
}

android {
    namespace = "org.mirrordna.android"
    compileSdk = 36
    defaultConfig {
        minSdk = 26
        consumerProguardFiles("consumer-rules.pro")
    }
    // One module: the parts without Android are a folder each so that the JVM can run them, not so that others may depend on them.
    sourceSets["main"].java.srcDirs(
        "src/main/kotlin",
        "../core/src/main/kotlin",
        "../bindings/src/main/kotlin",
    )
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

kotlin {
    compilerOptions {
        jvmTarget = JvmTarget.JVM_17
    }
}

dependencies {
    implementation("net.java.dev.jna:jna:5.17.0@aar")
    implementation("org.jetbrains.kotlinx:kotlinx-coroutines-core:1.8.0")
    // Reads QR codes, on the phone, without a service of anyone's.
    implementation("com.google.zxing:core:3.4.1")
}
