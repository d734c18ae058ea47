// Hidden files, users, devices, folders.
// run: refused
#include "attempt.h"
int main() {
    PRINT("@SECRET@");
    PRINT("/etc/passwd");
    PRINT("/etc/shadow");
    PRINT("/etc/hostname");
    PRINT("/dev/vda");
    PRINT("/dev/kmsg");
    // Of /etc, the loader's index is there to be read.
    for (const char* path : {"/root", "/home", "/etc", "/tmp", "@FOLDER@", "..", "../.."}) {
        DIR* folder = opendir(path);
        if (!folder) continue;
        while (dirent* entry = readdir(folder)) {
            char file[4096];
            snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
            struct stat about;
            if (!strstr(file, "/.") && !stat(file, &about) && S_ISREG(about.st_mode) && strcmp(entry->d_name, "program") && strcmp(entry->d_name, "ld.so.cache")) PRINT(file);
        }
    }
    return ended();
}
