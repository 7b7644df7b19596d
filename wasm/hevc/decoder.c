/*
 * The HEVC decoder of FFmpeg for the pictures and tiles of HEIC photos, reduced while they are converted to RGB: see
 * src/photos/heic/reduced.ts, which calls this. `build.sh` makes assets/hevc-decoder/hevc.wasm of it.
 */
#include <stdint.h>
#include <string.h>

#include "libavcodec/avcodec.h"
#include "libavcodec/codec_internal.h"
#include "libavcodec/hevc/hevcdec.h"
#include "libavutil/mem.h"
#include "libavutil/pixdesc.h"

#define EXPORT(name) __attribute__((export_name(name)))

extern const FFCodec ff_hevc_decoder;

static AVCodecContext *context;
static AVFrame *frame;
static AVPacket *packet;

EXPORT("allocate") void *allocate(int bytes)
{
    return av_malloc(bytes);
}

EXPORT("release") void release(void *block)
{
    av_free(block);
}

static void close_decoder(void)
{
    avcodec_free_context(&context);
    av_frame_free(&frame);
    av_packet_free(&packet);
}

/* Sets the decoder up by an `hvcC` box for pictures of at most so many pixels. 0, or less when it cannot be. */
EXPORT("open") int open_decoder(const uint8_t *configuration, int bytes, int max_pixels)
{
    close_decoder();
    context = avcodec_alloc_context3(&ff_hevc_decoder.p);
    frame = av_frame_alloc();
    packet = av_packet_alloc();
    if (!context || !frame || !packet)
        return AVERROR(ENOMEM);
    context->extradata = av_mallocz(bytes + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!context->extradata)
        return AVERROR(ENOMEM);
    memcpy(context->extradata, configuration, bytes);
    context->extradata_size = bytes;
    context->max_pixels = max_pixels;
    context->thread_count = 1;
    context->err_recognition = AV_EF_EXPLODE;
    /* Pictures by themselves are predicted from what is not yet filtered, so that leaving it out adds up nowhere. */
    context->skip_loop_filter = AVDISCARD_ALL;
    context->flags = AV_CODEC_FLAG_UNALIGNED;
    context->export_side_data = AV_CODEC_EXPORT_DATA_FILM_GRAIN;
    return avcodec_open2(context, &ff_hevc_decoder.p, NULL);
}

/* Whether every block was coded: where a slice is missing, the decoder leaves what was there. */
static int is_complete(void)
{
    const HEVCContext *s = context->priv_data;
    const HEVCLayerContext *layer = &s->layers[0];
    const HEVCSPS *sps = layer->sps;
    if (!sps || !layer->tab_slice_address)
        return 0;
    for (int block = 0; block < sps->ctb_size; block++)
        if (layer->tab_slice_address[block] < 0)
            return 0;
    return 1;
}

/*
 * Decodes a picture, behind whose bytes AV_INPUT_BUFFER_PADDING_SIZE (64) zeros stand. 0, or less when it is damaged.
 * Then `facts`: width, height, bits, chroma samples halved across and down (-1 without chroma), whether the range is
 * full, and the matrix by its number in ITU-T H.273.
 */
EXPORT("decode") int decode(uint8_t *data, int bytes, int32_t *facts)
{
    av_frame_unref(frame);
    avcodec_flush_buffers(context);
    packet->data = data;
    packet->size = bytes;
    int result = avcodec_send_packet(context, packet);
    if (result >= 0)
        result = avcodec_send_packet(context, NULL);
    if (result >= 0)
        result = avcodec_receive_frame(context, frame);
    packet->data = NULL;
    packet->size = 0;
    if (result < 0)
        return result;
    if (frame->decode_error_flags || frame->flags & AV_FRAME_FLAG_CORRUPT || !is_complete())
        return AVERROR_INVALIDDATA;
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    if (!format || format->flags & AV_PIX_FMT_FLAG_RGB)
        return AVERROR_PATCHWELCOME;
    facts[0] = frame->width;
    facts[1] = frame->height;
    facts[2] = format->comp[0].depth;
    facts[3] = format->nb_components < 3 ? -1 : format->log2_chroma_w;
    facts[4] = format->nb_components < 3 ? -1 : format->log2_chroma_h;
    facts[5] = frame->color_range == AVCOL_RANGE_JPEG;
    facts[6] = frame->colorspace;
    return 0;
}

#define MAX_SHIFT 5
#define MAX_WIDTH 65536

static uint32_t columns[MAX_WIDTH];
static float row[3][MAX_WIDTH / 2];

/* Averages of boxes across x down samples; those at the right edge may be narrower. */
#define DEFINE_AVERAGES(name, sample)                                                                      \
    static void name(const uint8_t *plane, ptrdiff_t stride, int width, int across, int down, float scale, \
                     float *averages)                                                                      \
    {                                                                                                      \
        memset(columns, 0, width * sizeof(*columns));                                                      \
        for (int y = 0; y < down; y++) {                                                                   \
            const sample *from = (const sample *)(plane + y * stride);                                     \
            for (int x = 0; x < width; x++)                                                                \
                columns[x] += from[x];                                                                     \
        }                                                                                                  \
        const int whole = width / across;                                                                  \
        const float factor = scale / (across * down);                                                      \
        for (int i = 0; i < whole; i++) {                                                                  \
            uint32_t sum = 0;                                                                              \
            for (int x = 0; x < across; x++)                                                               \
                sum += columns[i * across + x];                                                            \
            averages[i] = sum * factor;                                                                    \
        }                                                                                                  \
        if (whole * across < width) {                                                                      \
            uint32_t sum = 0;                                                                              \
            for (int x = whole * across; x < width; x++)                                                   \
                sum += columns[x];                                                                         \
            averages[whole] = sum * scale / ((width - whole * across) * down);                             \
        }                                                                                                  \
    }

DEFINE_AVERAGES(averages_of_bytes, uint8_t)
DEFINE_AVERAGES(averages_of_words, uint16_t)

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static uint8_t level(float value)
{
    return value < 0 ? 0 : value > 254.5f ? 255 : (uint8_t)(value + 0.5f);
}

/*
 * Writes the decoded picture's first `width` x `height` pixels reduced by 2^shift, at least by its subsampling, as RGB:
 * pixel (i, j) to `output + i * across + j * down`. `conversion`: what luma is multiplied by after its offset is taken
 * away, that offset, and what Cr gives red, Cb and Cr take from green, and Cb gives blue, in levels of 8 bits.
 */
EXPORT("reduce") void reduce(int shift, int width, int height, const float *conversion, uint8_t *output,
                             ptrdiff_t across, ptrdiff_t down)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    const int has_chroma = format->nb_components >= 3;
    const int depth = format->comp[0].depth;
    const float scale = 1.0f / (1 << (depth - 8));
    const int count = (width + (1 << shift) - 1) >> shift;
    const float gain = conversion[0], offset = conversion[1];
    const float red = conversion[2], green_b = conversion[3], green_r = conversion[4], blue = conversion[5];
    for (int c = 1; c < 3; c++)
        for (int i = 0; i < count; i++)
            row[c][i] = 128;
    for (int y = 0; y < height; y += 1 << shift) {
        for (int c = 0; c < (has_chroma ? 3 : 1); c++) {
            const int shift_x = c ? format->log2_chroma_w : 0, shift_y = c ? format->log2_chroma_h : 0;
            const int samples = (width + (1 << shift_x) - 1) >> shift_x;
            const int lines = (height + (1 << shift_y) - 1) >> shift_y;
            const int first = y >> shift_y;
            const int rows = smaller(1 << (shift - shift_y), lines - first);
            const uint8_t *plane = frame->data[c] + first * (ptrdiff_t)frame->linesize[c];
            (depth > 8 ? averages_of_words : averages_of_bytes)(plane, frame->linesize[c], samples,
                                                                1 << (shift - shift_x), rows, scale, row[c]);
        }
        uint8_t *to = output + (y >> shift) * down;
        for (int i = 0; i < count; i++, to += across) {
            const float luma = (row[0][i] - offset) * gain, cb = row[1][i] - 128, cr = row[2][i] - 128;
            to[0] = level(luma + red * cr);
            to[1] = level(luma - green_b * cb - green_r * cr);
            to[2] = level(luma + blue * cb);
        }
    }
}
