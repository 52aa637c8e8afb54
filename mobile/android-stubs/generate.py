"""Java stubs of the part of Android's API that mobile/android uses, to check its types where there is no Android SDK.

    generate.py API OUT     API: where PyPI's chaquopy-stubs-android is (its version is the API level); OUT: a folder

The package gives Python's view of the API, so some things have to be guessed: what is an interface, which Java integer a
Python int is. Wrong guesses make compile errors here, never a class that is used: nothing of this is in an app.
"""

import ast
import re
import sys
from pathlib import Path

CLASSES = """
android: Manifest R
android.app: Activity Application ForegroundServiceStartNotAllowedException Notification NotificationChannel
    NotificationManager PendingIntent RemoteInput Service StatusBarManager
android.app.job: JobInfo JobParameters JobScheduler JobService
android.appwidget: AppWidgetManager AppWidgetProvider
android.content: BroadcastReceiver ClipData ComponentName ContentResolver Context ContextWrapper Intent IntentFilter
    ServiceConnection
android.content.pm: PackageManager ServiceInfo
android.content.res: Resources
android.database: Cursor
android.graphics: ImageFormat Insets
android.graphics.drawable: Icon
android.hardware.camera2: CameraAccessException CameraCaptureSession CameraCharacteristics CameraDevice CameraManager CameraMetadata
    CaptureRequest
android.hardware.camera2.params: StreamConfigurationMap
android.media: AudioAttributes AudioFocusRequest AudioFormat AudioManager AudioRecord Image ImageReader MediaRecorder
android.net: ConnectivityManager Network NetworkCapabilities NetworkRequest Uri
android.os: BaseBundle BatteryManager Binder Build Bundle Handler HandlerThread IBinder Looper
    ParcelFileDescriptor Parcelable PersistableBundle PowerManager
android.provider: OpenableColumns
android.security.keystore: KeyGenParameterSpec KeyProperties
android.service.quicksettings: Tile TileService
android.speech: RecognitionListener RecognitionSupport RecognitionSupportCallback RecognizerIntent SpeechRecognizer
android.system: ErrnoException Os
android.text: Editable TextWatcher
android.util: AndroidException Size
android.view: ContextThemeWrapper Surface SurfaceHolder SurfaceView View ViewGroup WindowInsets
android.widget: Button EditText LinearLayout RemoteViews TextView Toast
"""

PRIMITIVES = dict(jint="int", jlong="long", jboolean="boolean", jfloat="float", jdouble="double", jshort="short", jbyte="byte", jchar="char")
RETURNED = {"int": "int", "bool": "boolean", "float": "float", "str": "java.lang.String", "None": "void"}
RETURNS_LONG = re.compile(r"(Millis|elapsedRealtime\w*|getLong\w*|TimeNanos|getTimeout\w*)$")
# What the package does not say.
INTERFACES = {"android.content.ServiceConnection", "android.os.Parcelable", "android.speech.RecognitionListener"}
ABSTRACT = {"android.net.Uri"}
ALSO_IMPLEMENTS = {"android.text.Editable": ["java.lang.CharSequence"]}
# Java's own classes that a stub may extend: they can be made of nothing.
JAVA_CLASSES = {"java.lang.Exception", "java.lang.Thread"}
# Whose type parameter the package has erased.
ERASED = {"findViewById": "<T extends android.view.View> T"}
INHERITED_FINAL = ("getClass", "notify", "notifyAll", "wait", "finalize")
JAVA_INTERFACES = ("java.lang.Comparable", "java.lang.Iterable", "java.lang.CharSequence", "java.util.concurrent.Executor",
                   "java.lang.AutoCloseable", "java.io.Closeable", "java.security.spec.AlgorithmParameterSpec")
STUB = ' { throw new RuntimeException("Stub!"); }'


def wanted():
    names, package = set(), ""
    for word in CLASSES.split():
        if word.endswith(":"):
            package = word[:-1]
        else:
            names.add(f"{package}.{word}")
    return names


class Api:
    """The classes by their full names, nested ones with dots."""

    def __init__(self, folder, names):
        self.classes = {}
        for package in sorted({name.rsplit(".", 1)[0] for name in names}):
            file = folder / package.replace(".", "/").replace("android", "android-stubs", 1) / "__init__.pyi"
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.ClassDef) and f"{package}.{node.name}" in names:
                    self._add(package, f"{package}.{node.name}", node)

    def _add(self, package, name, node):
        self.classes[name] = (package, node)
        for member in node.body:
            if isinstance(member, ast.ClassDef):
                self._add(package, f"{name}.{member.name}", member)

    def known(self, name, package):
        if name.startswith("java."):
            return None if name.startswith(("java.chaquopy", "java.j")) else name
        return next((full for full in (name, f"{package}.{name}") if full in self.classes), None)

    def java(self, node, package, method="", generic=""):
        """The Java type, or None when it is outside of what is generated."""
        text = ast.unparse(node)
        if text == "None":
            return "void"
        parts = [text.removesuffix(" | None")] if "[" in text else [part.strip() for part in text.split(" | ") if part.strip() != "None"]
        for part in parts:
            if part.startswith("java.j") and part[5:] in PRIMITIVES:
                return PRIMITIVES[part[5:]]
        if len(parts) > 1 and "java.lang.Object" in parts:
            return "java.lang.Object"
        for preferred in ("java.lang.String", "java.lang.CharSequence"):
            if preferred in parts:
                return preferred
        part = parts[0]
        if part in RETURNED:
            return "long" if part == "int" and RETURNS_LONG.search(method) else RETURNED[part]
        if primitive := re.fullmatch(r"java\.chaquopy\.JavaArray(J\w+)", part):
            return PRIMITIVES[primitive[1].lower()] + "[]"
        if bracketed := re.match(r"^([\w.]+)\[(.*)\]$", part):
            return self._bracketed(bracketed[1], bracketed[2], package, generic)
        if generic and part.startswith("_" + generic):
            return "T"
        return "java.lang.Object" if part.startswith("_") else self.known(part, package)

    def _bracketed(self, outer, inner, package, generic):
        if outer == "typing.Type":
            return "java.lang.Class<T>" if generic and inner.startswith("_" + generic) else "java.lang.Class<?>"
        if outer == "java.chaquopy.JavaArray":
            element = self.java(ast.parse(inner, mode="eval").body, package)
            return element and element + "[]"
        known = self.known(outer, package)
        arguments = [self.java(node, package) for node in ast.parse(f"({inner},)", mode="eval").body.elts]
        if not known or None in arguments:
            return None
        raw = known in self.classes or any(a in PRIMITIVES.values() or a == "java.lang.Object" for a in arguments)
        return known if raw else f"{known}<{', '.join(arguments)}>"

    def is_interface(self, name):
        methods = functions(self.classes[name][1])
        if name in INTERFACES:
            return True
        if any(method.name == "__init__" for method in methods):
            return False
        telling = [method for method in methods if len(method.args.posonlyargs) > 1]
        return all(map(is_abstract, telling)) if telling else bool(methods) and name.split(".")[-1].startswith("On")


def functions(node):
    return [member for member in node.body if isinstance(member, ast.FunctionDef)]


def is_static(function):
    return any(ast.unparse(decorator) == "staticmethod" for decorator in function.decorator_list)


def is_abstract(function):
    """The package names the arguments of methods that have a body."""
    names = [argument.arg for argument in function.args.posonlyargs if argument.arg != "self"]
    return bool(names) and all(re.fullmatch(r"arg\d+", name) for name in names)


class Writer:
    """One class as Java."""

    def __init__(self, api, name, nested):
        self.api, self.name, self.nested = api, name, nested
        self.package, self.node = api.classes[name]
        self.interface = api.is_interface(name)
        self.lines, self.seen = [], set()

    def text(self):
        self.lines.append(self.head() + " {")
        for member in self.node.body:
            if isinstance(member, ast.AnnAssign):
                self.field(member)
        for function in functions(self.node):
            self.method(function)
        if not self.interface and ("__init__",) not in self.seen:
            self.lines.append(f"  protected {self.node.name}() {{}}")
        for member in self.node.body:
            if isinstance(member, ast.ClassDef):
                self.lines.append(Writer(self.api, f"{self.name}.{member.name}", True).text())
        return "\n".join([*self.lines, "}"])

    def head(self):
        extends, implements = None, list(ALSO_IMPLEMENTS.get(self.name, []))
        for base in self.node.bases:
            java = self.api.java(base, self.package)
            if not java or java in ("java.lang.Object", "java.lang.Cloneable", *implements):
                continue
            raw = java.split("<")[0]
            if raw in self.api.classes and self.api.is_interface(raw) or raw.startswith(JAVA_INTERFACES):
                implements.append(java)
            elif not raw.startswith("java.") or raw in JAVA_CLASSES:
                extends = java
        abstract = self.name in ABSTRACT or any(is_abstract(f) and not is_static(f) and f.name != "__init__" for f in functions(self.node))
        kind = "interface" if self.interface else "abstract class" if abstract else "class"
        head = f"public {'static ' if self.nested else ''}{kind} {self.node.name}"
        if extends and not self.interface:
            head += f" extends {extends}"
        if implements:
            head += (" extends " if self.interface else " implements ") + ", ".join(implements)
        return head

    def field(self, member):
        constant = ast.unparse(member.annotation).startswith("typing.ClassVar")
        java = self.api.java(member.annotation.slice if constant else member.annotation, self.package)
        if java and java != "void":
            value = {"int": "0", "boolean": "false", "float": "0f", "long": "0"}.get(java, "null")
            self.lines.append(f"  public {'static final ' if constant else ''}{java} {member.target.id} = {value};")

    def method(self, function):
        generic = function.name + "_" if re.search(rf"Type\[_{re.escape(function.name)}_", ast.unparse(function.args)) else ""
        arguments = function.args.posonlyargs + function.args.args
        if not is_static(function):
            arguments = arguments[1:]
        types = [self.api.java(argument.annotation, self.package, generic=generic) for argument in arguments]
        if function.args.vararg:
            element = self.api.java(function.args.vararg.annotation, self.package)
            types.append(element and element + "...")
        built = function.name == "__init__"
        returns = "" if built else self.api.java(function.returns, self.package, function.name, generic)
        signature = (function.name, *[java.split("<")[0] for java in types if java])
        if None in types or returns is None or signature in self.seen:
            return
        if not arguments and function.name in INHERITED_FINAL:
            return
        self.seen.add(signature)
        listed = ", ".join(f"{java} p{at}" for at, java in enumerate(types))
        returns = ERASED.get(function.name, ("<T> " if generic else "") + returns)
        if built:
            self.lines.append(f"  public {self.node.name}({listed}){STUB}")
        elif is_static(function):
            self.lines.append(f"  public static {returns} {function.name}({listed}){STUB}")
        elif self.interface and arguments and not is_abstract(function):
            self.lines.append(f"  default {returns} {function.name}({listed}){STUB}")
        elif self.interface:
            self.lines.append(f"  {returns} {function.name}({listed});")
        elif is_abstract(function):
            self.lines.append(f"  public abstract {returns} {function.name}({listed});")
        else:
            self.lines.append(f"  public {returns} {function.name}({listed}){STUB}")


def main():
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    names = wanted()
    api = Api(folder, names)
    for name in sorted(names):
        if name not in api.classes:
            sys.exit(f"the API has no {name}")
        file = out / (name.replace(".", "/") + ".java")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"package {api.classes[name][0]};\n{Writer(api, name, False).text()}\n")


main()
