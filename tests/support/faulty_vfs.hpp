// A disk that fails when told to: SQLite's file calls pass through and the Nth one goes wrong.
#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <new>
#include <utility>

namespace trireme::testing {

/// While it lives, databases opened in this process live on it. One at a time, one thread.
class FaultyVfs {
 public:
  FaultyVfs() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    current() = this;
    vfs_.zName = "trireme-faulty";
    vfs_.pNext = nullptr;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.xOpen = &FaultyVfs::open;
    sqlite3_vfs_register(&vfs_, /*makeDflt=*/1);
  }
  ~FaultyVfs() {
    sqlite3_vfs_unregister(&vfs_);
    current() = nullptr;
  }
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  /// The `nth` write, sync or truncation from now (1 is the next) fails with `code`, once.
  void fail_nth(std::uint64_t nth, int code) {
    countdown_ = nth;
    code_ = code;
    for_good_ = false;
    has_fired_ = false;
  }
  /// That one and all after it fail.
  void fail_from(std::uint64_t nth, int code) {
    fail_nth(nth, code);
    for_good_ = true;
  }
  void heal() { countdown_ = 0; }
  /// Before the `nth` call from now, `action` runs once: what lies in the files then is what a
  /// process that is killed there leaves behind.
  void before_nth(std::uint64_t nth, std::function<void()> action) {
    action_countdown_ = nth;
    action_ = std::move(action);
  }
  /// True when a call has failed since the last fail_nth() or fail_from().
  bool fired() const { return has_fired_; }

  /// SQLITE_OK, or what the call has to fail with.
  int next() {
    if (action_countdown_ > 0 && --action_countdown_ == 0) action_();
    if (countdown_ == 0) return SQLITE_OK;
    if (countdown_ > 1) {
      --countdown_;
      return SQLITE_OK;
    }
    has_fired_ = true;
    if (!for_good_) countdown_ = 0;
    return code_;
  }

 private:
  /// Ours in front, the real file behind it in the same memory.
  struct File {
    sqlite3_file base;
    sqlite3_io_methods methods;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };
  static_assert(sizeof(File) % alignof(std::max_align_t) == 0);

  static FaultyVfs*& current() {
    static FaultyVfs* vfs = nullptr;
    return vfs;
  }
  static File* file(sqlite3_file* base) { return reinterpret_cast<File*>(base); }
  static sqlite3_file* real(sqlite3_file* base) { return file(base)->real(); }

  static int open(sqlite3_vfs*, const char* name, sqlite3_file* base, int flags, int* out_flags) {
    FaultyVfs* self = current();
    const int code = self->real_->xOpen(self->real_, name, real(base), flags, out_flags);
    base->pMethods = nullptr;
    if (code != SQLITE_OK) return code;
    File* opened = file(base);
    opened->methods = pass_through(real(base)->pMethods->iVersion);
    base->pMethods = &opened->methods;
    return SQLITE_OK;
  }

  static sqlite3_io_methods pass_through(int version);

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::uint64_t countdown_ = 0;
  int code_ = SQLITE_OK;
  bool for_good_ = false;
  bool has_fired_ = false;
  std::uint64_t action_countdown_ = 0;
  std::function<void()> action_;
};

inline sqlite3_io_methods FaultyVfs::pass_through(int version) {
  sqlite3_io_methods methods{};
  methods.iVersion = version < 2 ? version : 2;
  methods.xClose = [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); };
  methods.xRead = [](sqlite3_file* f, void* to, int size, sqlite3_int64 from) {
    return real(f)->pMethods->xRead(real(f), to, size, from);
  };
  methods.xWrite = [](sqlite3_file* f, const void* from, int size, sqlite3_int64 to) {
    const int code = current()->next();
    return code != SQLITE_OK ? code : real(f)->pMethods->xWrite(real(f), from, size, to);
  };
  methods.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
    const int code = current()->next();
    return code != SQLITE_OK ? code : real(f)->pMethods->xTruncate(real(f), size);
  };
  methods.xSync = [](sqlite3_file* f, int flags) {
    const int code = current()->next();
    return code != SQLITE_OK ? code : real(f)->pMethods->xSync(real(f), flags);
  };
  methods.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
    return real(f)->pMethods->xFileSize(real(f), size);
  };
  methods.xLock = [](sqlite3_file* f, int level) {
    return real(f)->pMethods->xLock(real(f), level);
  };
  methods.xUnlock = [](sqlite3_file* f, int level) {
    return real(f)->pMethods->xUnlock(real(f), level);
  };
  methods.xCheckReservedLock = [](sqlite3_file* f, int* reserved) {
    return real(f)->pMethods->xCheckReservedLock(real(f), reserved);
  };
  methods.xFileControl = [](sqlite3_file* f, int op, void* argument) {
    return real(f)->pMethods->xFileControl(real(f), op, argument);
  };
  methods.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
  methods.xDeviceCharacteristics = [](sqlite3_file* f) {
    return real(f)->pMethods->xDeviceCharacteristics(real(f));
  };
  methods.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** to) {
    return real(f)->pMethods->xShmMap(real(f), page, size, extend, to);
  };
  methods.xShmLock = [](sqlite3_file* f, int offset, int count, int flags) {
    return real(f)->pMethods->xShmLock(real(f), offset, count, flags);
  };
  methods.xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); };
  methods.xShmUnmap = [](sqlite3_file* f, int remove) {
    return real(f)->pMethods->xShmUnmap(real(f), remove);
  };
  return methods;
}

}  // namespace trireme::testing
