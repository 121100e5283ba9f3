/* A machine's clock that is set while programs run, loaded with LD_PRELOAD into each of them (clock.py).
 *
 * The real-time clock, and it alone, is off by the seconds in the file that RAYKD_CLOCK names: an int64 that all of
 * them map, so that it jumps for all at the same moment. Steady clocks and waits for a length of time are left alone.
 *
 * A wait until a moment of the real-time clock does what Linux does when the clock is set: it ends at once where the
 * clock jumps past the moment, and lasts longer where it jumps back. It is done in slices, with a look after each.
 *
 * Left out: the times of files, which the kernel takes from its own clock. And what nothing in a search calls: timers
 * until a moment (timerfd_settime, timer_settime) and timespec_get; waits until a moment on read-write locks, message
 * queues, the end of a thread, or a condition variable that several processes share. Needs glibc 2.30.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef const struct timespec *Moment;

/* The functions behind ours. x86-64 has two versions of those of condition variables, the older one long out of use. */
#define EACH(act) \
    act(clock_gettime) act(clock_nanosleep) act(pthread_cond_broadcast) act(pthread_cond_clockwait) \
    act(pthread_cond_signal) act(pthread_mutex_clocklock) act(sem_clockwait) act(syscall)
#define DECLARE(name) static __typeof__(name) *next_##name;
#define FIND(name) \
    next_##name = dlvsym(RTLD_NEXT, #name, "GLIBC_2.3.2"); \
    if (!next_##name) next_##name = dlsym(RTLD_NEXT, #name);
EACH(DECLARE)

static const int64_t *shared; /* NULL until the library is ready */

/* Runs when the library is loaded, or earlier where another library that is loaded with it asks for the time. */
__attribute__((constructor)) static void prepare(void) {
    static const int64_t none;
    if (__atomic_load_n(&shared, __ATOMIC_ACQUIRE)) return;
    EACH(FIND)
    const char *name = getenv("RAYKD_CLOCK");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0) close(file);
    __atomic_store_n(&shared, mapped == MAP_FAILED ? &none : mapped, __ATOMIC_RELEASE);
}

static int64_t offset_s(void) {
    prepare();
    return __atomic_load_n(shared, __ATOMIC_RELAXED);
}

/* What time is it? */

int clock_gettime(clockid_t clock, struct timespec *now) {
    int64_t offset = offset_s();
    int failed = next_clock_gettime(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += offset;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    *now = (struct timeval){exact.tv_sec, exact.tv_nsec / 1000};
    if (zone) *(struct timezone *)zone = (struct timezone){0};
    return 0;
}

time_t time(time_t *kept) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return kept ? (*kept = now.tv_sec) : now.tv_sec;
}

/* Waits until a moment. */

static bool is_before(struct timespec one, struct timespec other) {
    return one.tv_sec != other.tv_sec ? one.tv_sec < other.tv_sec : one.tv_nsec < other.tv_nsec;
}

static bool is_past(Moment moment) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return !is_before(now, *moment);
}

/* The moment, or 50 ms from now where that comes first, by the kernel's clock. */
static struct timespec next_look(Moment moment) {
    int64_t offset = offset_s();
    struct timespec end;
    next_clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += 50000000;
    end.tv_sec += offset + end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    if (is_before(*moment, end)) end = *moment;
    end.tv_sec -= offset;
    return end.tv_sec < 0 ? (struct timespec){0} : end;
}

/* Repeats `wait`, a wait until `end` whose time is up where `is_over` holds of its `result`, until `moment` is past. */
#define IN_SLICES(moment, wait, is_over) \
    for (;;) { \
        struct timespec end = next_look(moment); \
        int result = (wait); \
        if (!(is_over) || is_past(moment)) return result; \
    }

int sem_clockwait(sem_t *semaphore, clockid_t clock, Moment moment) {
    prepare();
    if (clock != CLOCK_REALTIME) return next_sem_clockwait(semaphore, clock, moment);
    IN_SLICES(moment, next_sem_clockwait(semaphore, clock, &end), result && errno == ETIMEDOUT)
}

int sem_timedwait(sem_t *semaphore, Moment moment) { return sem_clockwait(semaphore, CLOCK_REALTIME, moment); }

int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, Moment moment) {
    prepare();
    if (clock != CLOCK_REALTIME) return next_pthread_mutex_clocklock(mutex, clock, moment);
    IN_SLICES(moment, next_pthread_mutex_clocklock(mutex, clock, &end), result == ETIMEDOUT)
}

int pthread_mutex_timedlock(pthread_mutex_t *mutex, Moment moment) {
    return pthread_mutex_clocklock(mutex, CLOCK_REALTIME, moment);
}

int clock_nanosleep(clockid_t clock, int flags, Moment moment, struct timespec *left) {
    prepare();
    if (clock != CLOCK_REALTIME || !(flags & TIMER_ABSTIME)) return next_clock_nanosleep(clock, flags, moment, left);
    IN_SLICES(moment, next_clock_nanosleep(clock, flags, &end, left), !result)
}

/* Condition variables: nobody hears a signal between two slices, so signals are counted, by a hash of the address. */

static unsigned counts[4096];

static unsigned *signals(pthread_cond_t *condition) { return &counts[((uintptr_t)condition >> 4) % 4096]; }

int pthread_cond_signal(pthread_cond_t *condition) {
    prepare();
    __atomic_add_fetch(signals(condition), 1, __ATOMIC_SEQ_CST);
    return next_pthread_cond_signal(condition);
}

int pthread_cond_broadcast(pthread_cond_t *condition) {
    prepare();
    __atomic_add_fetch(signals(condition), 1, __ATOMIC_SEQ_CST);
    return next_pthread_cond_broadcast(condition);
}

int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock, Moment moment) {
    prepare();
    if (clock != CLOCK_REALTIME) return next_pthread_cond_clockwait(condition, mutex, clock, moment);
    unsigned heard = __atomic_load_n(signals(condition), __ATOMIC_SEQ_CST);
    for (;;) {
        struct timespec end = next_look(moment);
        int result = next_pthread_cond_clockwait(condition, mutex, clock, &end);
        if (result != ETIMEDOUT || is_past(moment)) return result;
        if (__atomic_load_n(signals(condition), __ATOMIC_SEQ_CST) != heard) return 0;
    }
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, Moment moment) {
    bool is_steady = condition->__data.__wrefs & 2; /* glibc's mark of pthread_condattr_setclock since 2.25 */
    return pthread_cond_clockwait(condition, mutex, is_steady ? CLOCK_MONOTONIC : CLOCK_REALTIME, moment);
}

/* The calls of the kernel that abseil waits with, and that programs built for an old C library ask for the time. */

long syscall(long number, ...) {
    long a[6];
    va_list rest;
    va_start(rest, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
    va_end(rest);
    prepare();
    if (number == SYS_clock_gettime) return clock_gettime((clockid_t)a[0], (struct timespec *)a[1]);
    if (number != SYS_futex || (a[1] & ~FUTEX_PRIVATE_FLAG) != (FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME) || !a[3])
        return next_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    IN_SLICES((Moment)a[3], next_syscall(number, a[0], a[1], a[2], &end, a[4], a[5]), result && errno == ETIMEDOUT)
}
