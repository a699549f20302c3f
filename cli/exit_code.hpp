// What the exit code of `trireme` says; scripts rely on these numbers (README.md).
#pragma once

namespace trireme::cli {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;     // the work failed, or we did
inline constexpr int kUsage = 2;      // a wrong command line
inline constexpr int kNoCluster = 3;  // no cluster is running where one is needed

}  // namespace trireme::cli
